/* A QEMU plugin: how many instructions each virtual processor has executed, as 64-bit numbers in a file that is
 * mapped, so that it can be read at any time. QEMU's docs/devel/tcg-plugins.rst describes the interface, version 1;
 * Debian has no header for it. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct qemu_plugin_tb;
typedef uint64_t plugin_id;
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), int, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);

int qemu_plugin_version = 1;
enum { PROCESSORS = 64 };
static volatile uint64_t *counted;

static void executed(unsigned processor, void *instructions)
{
	counted[processor % PROCESSORS] += (uintptr_t)instructions;
}

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
	qemu_plugin_register_vcpu_tb_exec_cb(block, executed, 0, (void *)qemu_plugin_tb_n_insns(block));
}

int qemu_plugin_install(plugin_id id, const void *info, int count, char **words)
{
	const char *name = count ? strchr(words[0], '=') : NULL;
	int file = name ? open(name + 1, O_RDWR | O_CREAT | O_TRUNC, 0644) : -1;
	if (file < 0 || ftruncate(file, PROCESSORS * sizeof *counted))
		return -1;
	counted = mmap(NULL, PROCESSORS * sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (counted == MAP_FAILED)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
