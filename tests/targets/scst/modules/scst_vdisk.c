// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stand-in for SCST's virtual disks: devices that are made by writes. What has no
 * backing takes no filename, the others need one that is there.
 */

#include <linux/fs.h>
#include <linux/namei.h>

#include "standin.h"

static const char *const names[] = { "vdisk_fileio", "vdisk_blockio", "vdisk_nullio" };

static int look_at(const char *filename, bool is_block)
{
	struct path path;
	int error = kern_path(filename, LOOKUP_FOLLOW, &path);

	if (error)
		return error;
	if (is_block != S_ISBLK(d_inode(path.dentry)->i_mode))
		error = -EINVAL;
	path_put(&path);
	return error;
}

/* Of "name=value; name=value". */
static int parameters(const char *handler, char *text)
{
	bool is_void = !strcmp(handler, "vdisk_nullio"), has_file = false;
	char *pair;

	while ((pair = strsep(&text, ";"))) {
		char *value = strim(pair), *name = strsep(&value, "=");
		int error = 0;

		if (!*name)
			continue;
		if (!value)
			return -EINVAL;
		if (!strcmp(name, "filename") && !is_void) {
			has_file = true;
			error = look_at(value, !strcmp(handler, "vdisk_blockio"));
		} else if (strcmp(name, "blocksize")) {
			error = -EINVAL;
		}
		if (error)
			return error;
	}
	return has_file == is_void ? -EINVAL : 0;
}

static ssize_t mgmt_show(struct kobject *kobj, struct kobj_attribute *attr, char *text)
{
	return sysfs_emit(text, "The following parameters available: blocksize%s\n",
			  strcmp(kobj->name, "vdisk_nullio") ? ", filename" : "");
}

static ssize_t mgmt_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *text, size_t count)
{
	char *copy = kstrndup(text, count, GFP_KERNEL), *rest = copy, *name;
	struct kobject *made;
	int error = -EINVAL;

	if (!copy)
		return -ENOMEM;
	if (strcmp(strsep(&rest, " "), "add_device"))
		goto out;
	name = strim(strsep(&rest, " ") ?: "");
	error = *name ? parameters(kobj->name, rest) : -EINVAL;
	if (error)
		goto out;
	made = standin_add(standin_devices, name);
	error = PTR_ERR_OR_ZERO(made);
out:
	kfree(copy);
	return standin_took(kobj, attr, text, count, error);
}

static struct kobj_attribute mgmt = __ATTR(mgmt, 0644, mgmt_show, mgmt_store);

static int __init standin_init(void)
{
	int i, error = 0;

	for (i = 0; i < ARRAY_SIZE(names) && !error; i++) {
		struct kobject *one = kobject_create_and_add(names[i], standin_handlers);

		error = one ? sysfs_create_file(one, &mgmt.attr) : -ENOMEM;
	}
	return error;
}

module_init(standin_init);
MODULE_DESCRIPTION("Stand-in for SCST's virtual disks");
MODULE_LICENSE("GPL");
