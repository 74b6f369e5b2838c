// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stand-in for iSCSI-SCST: targets that are made by writes, as long as the daemon is
 * there. It has opened its device once somebody has written to open_state.
 */

#include "standin.h"

static struct kobject *driver;
static bool is_open;

static struct kobj_attribute plain_mgmt = __ATTR(mgmt, 0200, NULL, standin_store);
static struct kobj_attribute plain_enabled = __ATTR(enabled, 0200, NULL, standin_store);
static struct kobj_attribute header = __ATTR(HeaderDigest, 0200, NULL, standin_store);
static struct kobj_attribute data = __ATTR(DataDigest, 0200, NULL, standin_store);
static struct kobj_attribute r2t = __ATTR(InitialR2T, 0200, NULL, standin_store);

static int add_target(const char *name)
{
	struct kobject *target = kobject_create_and_add(name, driver);
	struct kobject *luns = target ? kobject_create_and_add("luns", target) : NULL;

	if (!luns || sysfs_create_file(luns, &plain_mgmt.attr))
		return -ENOMEM;
	return sysfs_create_file(target, &plain_enabled.attr) ?:
	       sysfs_create_file(target, &header.attr) ?:
	       sysfs_create_file(target, &data.attr) ?:
	       sysfs_create_file(target, &r2t.attr);
}

static ssize_t driver_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *text, size_t count)
{
	char name[224];
	int ret;

	if (!is_open)
		return -ENODEV;
	standin_note(kobj, attr->attr.name, text, count);
	if (!strncmp(text, "add_target ", 11) && sscanf(text + 11, "%223s", name) == 1) {
		ret = add_target(name);
		if (ret)
			return ret;
	}
	return count;
}

static ssize_t state_store(struct kobject *kobj, struct kobj_attribute *attr,
			   const char *text, size_t count)
{
	is_open = true;
	return count;
}

static ssize_t state_show(struct kobject *kobj, struct kobj_attribute *attr, char *text)
{
	return sysfs_emit(text, "%s\n", is_open ? "open" : "closed");
}

static struct kobj_attribute mgmt = __ATTR(mgmt, 0200, NULL, driver_store);
static struct kobj_attribute enabled = __ATTR(enabled, 0200, NULL, driver_store);
static struct kobj_attribute state = __ATTR(open_state, 0600, state_show, state_store);

static int __init standin_init(void)
{
	driver = kobject_create_and_add("iscsi", standin_targets);
	if (!driver)
		return -ENOMEM;
	return sysfs_create_file(driver, &mgmt.attr) ?:
	       sysfs_create_file(driver, &enabled.attr) ?:
	       sysfs_create_file(driver, &state.attr);
}

module_init(standin_init);
MODULE_DESCRIPTION("Stand-in for iSCSI-SCST");
MODULE_LICENSE("GPL");
