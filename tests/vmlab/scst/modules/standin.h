/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/sysfs.h>

extern struct kobject *standin_handlers, *standin_targets;
void standin_note(struct kobject *kobj, const char *name, const char *text, size_t count);
ssize_t standin_store(struct kobject *kobj, struct kobj_attribute *attr,
		      const char *text, size_t count);
