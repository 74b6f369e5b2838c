// SPDX-License-Identifier: GPL-2.0-only
/* Does wrong on demand: echo NAME > /sys/module/assay_provoke/parameters/wrong */

#include <linux/bug.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

enum { SIZE = 96, LEAKS = 16 };

static DEFINE_MUTEX(first_lock);
static DEFINE_MUTEX(second_lock);

static __always_inline void look_at(const char *memory, int at)
{
	pr_info("assay_provoke: %d\n", READ_ONCE(memory[at]));
}

static noinline void use_after_free(void)
{
	char *memory = kzalloc(SIZE, GFP_KERNEL);

	kfree(memory);
	look_at(memory, 8);
}

static noinline void out_of_bounds(void)
{
	char *memory = kzalloc(SIZE, GFP_KERNEL);
	int past = SIZE;

	/* The compiler must not see where the memory ends. */
	OPTIMIZER_HIDE_VAR(past);
	look_at(memory, past);
	kfree(memory);
}

static noinline void shift_too_far(void)
{
	int by = 40;

	OPTIMIZER_HIDE_VAR(by);
	pr_info("assay_provoke: %d\n", 1 << by);
}

static noinline void take(struct mutex *outer, struct mutex *inner)
{
	mutex_lock(outer);
	mutex_lock(inner);
	mutex_unlock(inner);
	mutex_unlock(outer);
}

static noinline void lock_the_other_way(void)
{
	take(&first_lock, &second_lock);
	take(&second_lock, &first_lock);
}

static noinline void leak(void)
{
	int count;

	/* Of the last ones a register may still know. */
	for (count = 0; count < LEAKS; count++)
		strcpy(kzalloc(SIZE, GFP_KERNEL), "lost");
}

static noinline void warn(void)
{
	WARN(1, "assay_provoke: as asked\n");
}

static noinline void hang(void)
{
	schedule_timeout_uninterruptible(3 * HZ);
	/* Else the compiler jumps there, and the trace does not name us. */
	barrier();
}

static noinline void crash(void)
{
	BUG();
}

static const struct {
	const char *name;
	void (*act)(void);
} wrongs[] = {
	{ "use-after-free", use_after_free },
	{ "out-of-bounds", out_of_bounds },
	{ "shift", shift_too_far },
	{ "lock", lock_the_other_way },
	{ "leak", leak },
	{ "warn", warn },
	{ "hang", hang },
	{ "crash", crash },
};

static int set_wrong(const char *text, const struct kernel_param *unused)
{
	size_t at;

	for (at = 0; at < ARRAY_SIZE(wrongs); at++) {
		if (sysfs_streq(text, wrongs[at].name)) {
			wrongs[at].act();
			return 0;
		}
	}
	return -EINVAL;
}

static const struct kernel_param_ops wrong_ops = { .set = set_wrong };
module_param_cb(wrong, &wrong_ops, NULL, 0200);

MODULE_DESCRIPTION("Does wrong on demand");
MODULE_LICENSE("GPL");
