// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stand-in for SCST's core: the root of its sysfs tree, and a note of each write that
 * was taken.
 */

#include <linux/kernfs.h>

#include "standin.h"

static struct kobject *root;
struct kobject *standin_handlers, *standin_devices, *standin_targets;
EXPORT_SYMBOL_GPL(standin_handlers);
EXPORT_SYMBOL_GPL(standin_devices);
EXPORT_SYMBOL_GPL(standin_targets);

bool standin_has(struct kobject *folder, const char *name)
{
	struct kernfs_node *found = kernfs_find_and_get(folder->sd, name);

	kernfs_put(found);
	return found;
}
EXPORT_SYMBOL_GPL(standin_has);

struct kobject *standin_add(struct kobject *folder, const char *name)
{
	struct kobject *made;

	if (standin_has(folder, name))
		return ERR_PTR(-EEXIST);
	made = kobject_create_and_add(name, folder);
	return made ?: ERR_PTR(-ENOMEM);
}
EXPORT_SYMBOL_GPL(standin_add);

ssize_t standin_took(struct kobject *kobj, struct kobj_attribute *attr,
		     const char *text, size_t count, int error)
{
	char *path = kobject_get_path(kobj, GFP_KERNEL);
	size_t length = strcspn(text, "\n");

	pr_info("standin%s %s/%s: %.*s\n", error ? " refuses" : "", path,
		attr->attr.name, (int)length, text);
	kfree(path);
	return error ?: count;
}
EXPORT_SYMBOL_GPL(standin_took);

static ssize_t version_show(struct kobject *kobj, struct kobj_attribute *attr, char *text)
{
	return sysfs_emit(text, "3.9.1-pre\n");
}

static ssize_t result_show(struct kobject *kobj, struct kobj_attribute *attr, char *text)
{
	return sysfs_emit(text, "0\n");
}

static struct kobj_attribute version = __ATTR_RO(version);
static struct kobj_attribute result =
	__ATTR(last_sysfs_mgmt_res, 0444, result_show, NULL);

static int __init standin_init(void)
{
	root = kobject_create_and_add("scst_tgt", kernel_kobj);
	standin_handlers = kobject_create_and_add("handlers", root);
	standin_devices = kobject_create_and_add("devices", root);
	standin_targets = kobject_create_and_add("targets", root);
	if (!root || !standin_handlers || !standin_devices || !standin_targets)
		return -ENOMEM;
	return sysfs_create_file(root, &version.attr) ?:
	       sysfs_create_file(root, &result.attr);
}

module_init(standin_init);
MODULE_DESCRIPTION("Stand-in for SCST's core");
MODULE_LICENSE("GPL");
