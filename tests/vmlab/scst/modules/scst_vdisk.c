// SPDX-License-Identifier: GPL-2.0-only
/* A stand-in for SCST's virtual disks: the files that make devices. */

#include "standin.h"

static struct kobj_attribute mgmt = __ATTR(mgmt, 0200, NULL, standin_store);
static const char *const names[] = { "vdisk_fileio", "vdisk_blockio", "vdisk_nullio" };

static int __init standin_init(void)
{
	int i, ret = 0;

	for (i = 0; i < ARRAY_SIZE(names) && !ret; i++) {
		struct kobject *one = kobject_create_and_add(names[i], standin_handlers);

		ret = one ? sysfs_create_file(one, &mgmt.attr) : -ENOMEM;
	}
	return ret;
}

module_init(standin_init);
MODULE_DESCRIPTION("Stand-in for SCST's virtual disks");
MODULE_LICENSE("GPL");
