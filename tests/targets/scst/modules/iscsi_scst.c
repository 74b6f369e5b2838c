// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stand-in for iSCSI-SCST: targets that are made by writes, as long as the daemon has
 * its device open.
 */

#include <linux/fs.h>

#include "standin.h"

static struct kobject *driver;
static atomic_t opened;

static ssize_t plain_store(struct kobject *kobj, struct kobj_attribute *attr,
			   const char *text, size_t count)
{
	return standin_took(kobj, attr, text, count,
			    atomic_read(&opened) ? 0 : -ENODEV);
}

static struct kobj_attribute header = __ATTR(HeaderDigest, 0200, NULL, plain_store);
static struct kobj_attribute data = __ATTR(DataDigest, 0200, NULL, plain_store);
static struct kobj_attribute r2t = __ATTR(InitialR2T, 0200, NULL, plain_store);
static struct kobj_attribute enabled = __ATTR(enabled, 0200, NULL, plain_store);

static ssize_t luns_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *text, size_t count)
{
	char device[STANDIN_WORD], lun[STANDIN_WORD];
	int error = -EINVAL;

	if (sscanf(text, "add %223s %223s", device, lun) == 2 &&
	    standin_has(standin_devices, device))
		error = PTR_ERR_OR_ZERO(standin_add(kobj, lun));
	return standin_took(kobj, attr, text, count, error);
}

static ssize_t initiators_store(struct kobject *kobj, struct kobj_attribute *attr,
				const char *text, size_t count)
{
	char name[STANDIN_WORD];
	int error = -EINVAL;

	if (sscanf(text, "add %223s", name) == 1)
		error = PTR_ERR_OR_ZERO(standin_add(kobj, name));
	return standin_took(kobj, attr, text, count, error);
}

static struct kobj_attribute luns_mgmt = __ATTR(mgmt, 0200, NULL, luns_store);
static struct kobj_attribute initiators_mgmt = __ATTR(mgmt, 0200, NULL, initiators_store);

static int folder(struct kobject *parent, const char *name, struct kobj_attribute *mgmt)
{
	struct kobject *made = standin_add(parent, name);

	return IS_ERR(made) ? PTR_ERR(made) : sysfs_create_file(made, &mgmt->attr);
}

static ssize_t groups_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *text, size_t count)
{
	char name[STANDIN_WORD];
	struct kobject *group;
	int error = -EINVAL;

	if (sscanf(text, "create %223s", name) == 1) {
		group = standin_add(kobj, name);
		error = PTR_ERR_OR_ZERO(group) ?:
			folder(group, "luns", &luns_mgmt) ?:
			folder(group, "initiators", &initiators_mgmt);
	}
	return standin_took(kobj, attr, text, count, error);
}

static struct kobj_attribute groups_mgmt = __ATTR(mgmt, 0200, NULL, groups_store);

static int add_target(const char *name)
{
	struct kobject *target = standin_add(driver, name);

	return PTR_ERR_OR_ZERO(target) ?:
	       sysfs_create_file(target, &enabled.attr) ?:
	       sysfs_create_file(target, &header.attr) ?:
	       sysfs_create_file(target, &data.attr) ?:
	       sysfs_create_file(target, &r2t.attr) ?:
	       folder(target, "luns", &luns_mgmt) ?:
	       folder(target, "ini_groups", &groups_mgmt);
}

/* A secret has twelve bytes at least; a portal is one word. */
static int add_attribute(const char *text)
{
	char target[STANDIN_WORD], name[STANDIN_WORD], one[STANDIN_WORD], two[STANDIN_WORD];
	int words = sscanf(text, "%223s %223s %223s %223s", target, name, one, two);

	if (words < 3 || !standin_has(driver, target))
		return -ENOENT;
	if (strstarts(name, "allowed_portal"))
		return words == 3 ? 0 : -EINVAL;
	if (strstarts(name, "IncomingUser") || strstarts(name, "OutgoingUser"))
		return words == 4 && strlen(two) >= 12 ? 0 : -EINVAL;
	return -EINVAL;
}

static ssize_t mgmt_show(struct kobject *kobj, struct kobj_attribute *attr, char *text)
{
	return sysfs_emit(text, "The following target attributes available: "
				"IncomingUser, OutgoingUser, allowed_portal\n");
}

static ssize_t mgmt_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *text, size_t count)
{
	char name[STANDIN_WORD];
	int error = -EINVAL;

	if (!atomic_read(&opened))
		error = -ENODEV;
	else if (strstarts(text, "add_target ") &&
		 sscanf(text, "add_target %223s", name) == 1)
		error = add_target(name);
	else if (strstarts(text, "add_target_attribute "))
		error = add_attribute(text + strlen("add_target_attribute "));
	return standin_took(kobj, attr, text, count, error);
}

static ssize_t state_show(struct kobject *kobj, struct kobj_attribute *attr, char *text)
{
	return sysfs_emit(text, "%s\n", atomic_read(&opened) ? "open" : "closed");
}

static struct kobj_attribute mgmt = __ATTR(mgmt, 0644, mgmt_show, mgmt_store);
static struct kobj_attribute state = __ATTR(open_state, 0444, state_show, NULL);

static int control_open(struct inode *inode, struct file *file)
{
	atomic_inc(&opened);
	return 0;
}

static int control_release(struct inode *inode, struct file *file)
{
	atomic_dec(&opened);
	return 0;
}

static const struct file_operations control = {
	.owner = THIS_MODULE,
	.open = control_open,
	.release = control_release,
};

static int __init standin_init(void)
{
	int major = register_chrdev(0, "iscsi-scst-ctl", &control);

	if (major < 0)
		return major;
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
