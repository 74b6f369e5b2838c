// SPDX-License-Identifier: GPL-2.0-only
/* A stand-in for SCST's core: the root of its sysfs tree, and a note of all writes. */

#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/slab.h>

static struct kobject *root;
struct kobject *standin_handlers;
EXPORT_SYMBOL_GPL(standin_handlers);
struct kobject *standin_targets;
EXPORT_SYMBOL_GPL(standin_targets);

void standin_note(struct kobject *kobj, const char *name, const char *text, size_t count)
{
	char *path = kobject_get_path(kobj, GFP_KERNEL);

	pr_info("standin %s/%s: %.*s\n", path, name, (int)count, text);
	kfree(path);
}
EXPORT_SYMBOL_GPL(standin_note);

ssize_t standin_store(struct kobject *kobj, struct kobj_attribute *attr,
		      const char *text, size_t count)
{
	standin_note(kobj, attr->attr.name, text, count);
	return count;
}
EXPORT_SYMBOL_GPL(standin_store);

static int __init standin_init(void)
{
	root = kobject_create_and_add("scst_tgt", kernel_kobj);
	standin_handlers = kobject_create_and_add("handlers", root);
	standin_targets = kobject_create_and_add("targets", root);
	return root && standin_handlers && standin_targets ? 0 : -ENOMEM;
}

module_init(standin_init);
MODULE_DESCRIPTION("Stand-in for SCST's core");
MODULE_LICENSE("GPL");
