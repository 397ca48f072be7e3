/* SPDX-License-Identifier: MIT */
/* board_x86_64_tables.c - what the x86_64 machine tells its guest in memory. */
#include "board_x86_64.h"

#include "board_virtio.h"
#include "boot/mptable.h"

/* Of the machine, or as there is none yet: of its description. */
static size_t list_virtio(const struct vmoon_spec *spec,
			  const struct vmoon_board *board,
			  struct vmoon_acpi_virtio *out)
{
	size_t count = vmoon_board_virtio_count(&spec->devices);

	if (board != NULL)
		count = vmoon_board_virtio_places(board->virtio, out);
	else
		for (size_t i = 0; i < count; i++)
			out[i] = vmoon_board_virtio_place(i);
	return count;
}

static enum vmoon_status load_acpi(const struct vmoon_spec *spec,
				   const struct vmoon_board *board,
				   struct vmoon_gmem *gm,
				   struct vmoon_error *err)
{
	struct vmoon_acpi_virtio virtio[VMOON_ACPI_VIRTIO_MAX];
	const struct vmoon_acpi_config cfg = {
		.cpu_count = spec->cpus,
		.ioapic_base = VMOON_ADDR_IOAPIC,
		.lapic_base = VMOON_ADDR_LAPIC,
		.virtio = virtio,
		.virtio_count = list_virtio(spec, board, virtio),
		.devices = board == NULL ? NULL : board->nodes,
		.device_count = board == NULL ? 0 : board->node_count,
		.gsi_count = VMOON_GSI_COUNT,
		.serial_port = PORT_SERIAL,
		.serial_irq = IRQ_SERIAL,
		.rtc_port = PORT_RTC,
		.pvpanic_port = PORT_PVPANIC,
		/* Ours has a reset line only: Linux must not look for keys. */
		.i8042_port = 0,
		.pm_port = PORT_ACPI_PM,
		.pm_irq = IRQ_ACPI_PM,
	};
	const size_t cap = VMOON_ADDR_ACPI_END - VMOON_ADDR_ACPI;
	unsigned char *to = vmoon_gmem_borrow(gm, VMOON_ADDR_ACPI, cap);
	size_t len;

	if (to == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: no room for ACPI tables");
	return vmoon_acpi_build(&cfg, VMOON_ADDR_ACPI, to, cap, &len, err);
}

/*
 * Always, and beside ACPI, which Linux prefers: a guest started with acpi=off
 * and one too small to read AML find their CPUs and interrupts, too, and there
 * is one memory map for all.
 */
static enum vmoon_status load_mptable(const struct vmoon_spec *spec,
				      struct vmoon_gmem *gm,
				      struct vmoon_error *err)
{
	const struct vmoon_mptable_config cfg = {
		.cpu_count = spec->cpus,
		.irq_count = VMOON_GSI_COUNT,
		.ioapic_base = VMOON_ADDR_IOAPIC,
		.lapic_base = VMOON_ADDR_LAPIC,
	};
	const size_t cap = VMOON_ADDR_MPTABLE_END - VMOON_ADDR_MPTABLE;
	unsigned char *to = vmoon_gmem_borrow(gm, VMOON_ADDR_MPTABLE, cap);
	size_t len;

	if (to == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: no room for the MP table");
	return vmoon_mptable_build(&cfg, VMOON_ADDR_MPTABLE, to, cap, &len,
				   err);
}

enum vmoon_status vmoon_board_load_tables(const struct vmoon_spec *spec,
					  struct vmoon_board *board,
					  struct vmoon_gmem *gm,
					  struct vmoon_error *err)
{
	enum vmoon_status st;

	/* Whoever came later may share what was somebody's own. */
	for (size_t i = 0; board != NULL && i < board->node_count; i++) {
		struct vmoon_acpi_device *d = &board->nodes[i];

		d->is_shared = d->has_irq && board->rack.plan.users[d->gsi] > 1;
	}
	st = load_acpi(spec, board, gm, err);

	return st == VMOON_OK ? load_mptable(spec, gm, err) : st;
}

enum vmoon_status vmoon_board_load(const struct vmoon_spec *spec,
				   struct vmoon_boot_files *files,
				   struct vmoon_gmem *gm,
				   struct vmoon_x86_entry *out_entry,
				   struct vmoon_error *err)
{
	const struct vmoon_boot_args args = {
		.mem = spec->mem,
		.kernel_path = spec->kernel,
		.kernel_fd = spec->kernel_fd,
		.initrd_fd = spec->initrd_fd,
		.flat = {spec->flat_mode, spec->flat_at},
		.initrd_path = spec->initrd,
		.files = files,
		.cmdline = spec->cmdline,
		.protocol = spec->boot,
		.unpack = spec->unpack,
		.rsdp = VMOON_ADDR_ACPI,
	};

	return vmoon_boot_load(gm, &args, out_entry, err);
}

/* ---- nodes ---- */

static enum vmoon_status check_node(const struct vmoon_board *b,
				    const struct vmoon_acpi_device *node,
				    struct vmoon_error *err)
{
	if (b->node_count == VMOON_ACPI_DEVICES_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "no more than %d devices have an ACPI node",
				  VMOON_ACPI_DEVICES_MAX);
	if (!node->is_ports &&
	    !vmoon_range_ok(node->base, node->size, UINT64_C(1) << 32))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "a device with an ACPI node has its window "
				  "below 4 GiB");
	if (node->is_ports && node->size > UINT8_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "a device with an ACPI node has at most %d "
				  "ports",
				  UINT8_MAX);
	return VMOON_OK;
}

enum vmoon_status vmoon_board_add_node(struct vmoon_board *b,
				       const struct vmoon_acpi_device *node,
				       struct vmoon_error *err)
{
	enum vmoon_status st = check_node(b, node, err);

	if (st == VMOON_OK)
		b->nodes[b->node_count++] = *node;
	return st;
}

void vmoon_board_drop_node(struct vmoon_board *b)
{
	b->node_count--;
}
