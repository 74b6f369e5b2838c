/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#define STANDIN_WORD 224

extern struct kobject *standin_handlers, *standin_devices, *standin_targets;

bool standin_has(struct kobject *folder, const char *name);
struct kobject *standin_add(struct kobject *folder, const char *name);
ssize_t standin_took(struct kobject *kobj, struct kobj_attribute *attr,
		     const char *text, size_t count, int error);
