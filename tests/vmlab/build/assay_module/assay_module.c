// SPDX-License-Identifier: GPL-2.0-only
/* A module that only says that it has been loaded. */

#include <linux/module.h>

static int __init assay_init(void)
{
	pr_info("assay_module: loaded\n");
	return 0;
}

static void __exit assay_exit(void)
{
	pr_info("assay_module: unloaded\n");
}

module_init(assay_init);
module_exit(assay_exit);
MODULE_DESCRIPTION("Says that it has been loaded");
MODULE_LICENSE("GPL");
