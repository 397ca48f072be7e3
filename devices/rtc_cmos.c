/* SPDX-License-Identifier: MIT */
/*
 * rtc_cmos.c - MC146818 clock and CMOS memory, time from the injected clock.
 *
 * The clock shows the injected wall clock in UTC, BCD and 24 hours, with the
 * century in register 0x32. The guest cannot set it.
 *
 * Not modelled: setting the time (writes to the time registers, register A
 * and register B, with its SET bit, are dropped), binary and 12-hour modes,
 * daylight saving, square wave, and all interrupts: alarm, periodic and
 * update-ended. The alarm registers are memory, and register C reads 0. The
 * index register is write-only and reads 0.
 *
 * The battery keeps the memory over a reset.
 *
 * Spec: MC146818 data sheet; memory sizes as PC firmware places them.
 */
#include "rtc_cmos.h"

#include <assert.h>
#include <string.h>

enum { STATE_VERSION = 1, CMOS_BYTES = 128 };

enum { OFF_INDEX = 0, OFF_DATA = 1 };

enum cmos_reg {
	REG_SECONDS = 0x00,
	REG_MINUTES = 0x02,
	REG_HOURS = 0x04,
	REG_WEEKDAY = 0x06, /* 1 is Sunday */
	REG_DAY = 0x07,
	REG_MONTH = 0x08,
	REG_YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
	REG_CENTURY = 0x32,
	REG_HIGH16_LOW = 0x34, /* RAM from 16 MiB to 4 GiB, in 64 KiB */
	REG_HIGH16_HIGH = 0x35,
	REG_ABOVE4G_LOW = 0x5b, /* RAM above 4 GiB, in 64 KiB */
	REG_ABOVE4G_MID = 0x5c,
	REG_ABOVE4G_HIGH = 0x5d
};

#define INDEX_MASK 0x7fu
#define INDEX_RESET 0x8fu /* raw: with the NMI mask bit */
#define A_DIVIDER_ON 0x20u
#define A_UIP 0x80u
#define B_24_HOURS 0x02u
#define D_VALID 0x80u

#define UIP_FROM_NS 999756000u /* 244 us before the next second */
#define NS_PER_S 1000000000u

/* 0000-01-01 and the last second of 9999, as BCD can show them. */
#define WALL_MIN_S INT64_C(-62167219200)
#define WALL_MAX_S INT64_C(253402300799)
#define DAYS_PER_400_YEARS 146097u
#define S_PER_DAY 86400u

struct rtc_cmos {
	struct vmoon_device dev;
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_clock clock;
	struct vmoon_notify reset;
	uint16_t high16; /* the memory-size registers */
	uint32_t above4g;
	int64_t uip_s; /* when UIP was last shown */
	uint32_t uip_ns;
	bool is_reset_requested; /* not saved: does not outlive its VM */
	uint8_t index;           /* raw, as written */
	uint8_t memory[CMOS_BYTES];
};

struct civil {
	unsigned year, month, day; /* month and day from 1 */
	unsigned weekday;          /* 1 is Sunday */
	unsigned hour, minute, second;
};

static struct rtc_cmos *rtc_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct rtc_cmos, dev);
}

static unsigned days_of_year(unsigned year)
{
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return is_leap ? 366 : 365;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30,
				       31, 31, 30, 31, 30, 31};

	return days[month - 1] +
	       (month == 2 && days_of_year(year) == 366 ? 1u : 0u);
}

/* Gregorian calendar, UTC, no leap seconds; years outside 0..9999 are cut. */
static struct civil civil_of(int64_t wall_s)
{
	struct civil c = {.month = 1};
	uint64_t since;
	unsigned days, left;

	if (wall_s < WALL_MIN_S)
		wall_s = WALL_MIN_S;
	if (wall_s > WALL_MAX_S)
		wall_s = WALL_MAX_S;
	since = (uint64_t)(wall_s - WALL_MIN_S);
	days = (unsigned)(since / S_PER_DAY); /* < 10000 years: fits */
	left = (unsigned)(since % S_PER_DAY);
	c.hour = left / 3600;
	c.minute = left / 60 % 60;
	c.second = left % 60;
	c.weekday = (days + 6) % 7 + 1; /* 0000-01-01 was a Saturday */
	c.year = days / DAYS_PER_400_YEARS * 400;
	days %= DAYS_PER_400_YEARS;
	/* At most 400 turns; 30 in this decade. */
	for (; days >= days_of_year(c.year); c.year++)
		days -= days_of_year(c.year);
	for (; days >= days_of_month(c.year, c.month); c.month++)
		days -= days_of_month(c.year, c.month);
	c.day = days + 1;
	return c;
}

static uint8_t bcd(unsigned value)
{
	return (uint8_t)(value / 10 % 10 << 4 | value % 10);
}

static uint8_t read_time(const struct rtc_cmos *r, unsigned reg)
{
	struct civil c = civil_of(r->clock.wall_s(r->clock.ctx, NULL));

	switch (reg) {
	case REG_SECONDS: return bcd(c.second);
	case REG_MINUTES: return bcd(c.minute);
	case REG_HOURS: return bcd(c.hour);
	case REG_WEEKDAY: return bcd(c.weekday);
	case REG_DAY: return bcd(c.day);
	case REG_MONTH: return bcd(c.month);
	case REG_YEAR: return bcd(c.year % 100);
	default: return bcd(c.year / 100);
	}
}

/*
 * The guest waits for UIP to go away. It does with the second; should the
 * injected clock stand still, it does at the second look.
 */
static uint8_t read_a(struct rtc_cmos *r)
{
	uint32_t ns = 0;
	int64_t s = r->clock.wall_s(r->clock.ctx, &ns);

	if (ns < UIP_FROM_NS || ns >= NS_PER_S ||
	    (s == r->uip_s && ns == r->uip_ns))
		return A_DIVIDER_ON;
	r->uip_s = s;
	r->uip_ns = ns;
	return A_DIVIDER_ON | A_UIP;
}

static uint64_t rtc_read(struct vmoon_device *dev, uint64_t off, unsigned size)
{
	struct rtc_cmos *r = rtc_of(dev);
	unsigned reg = r->index & INDEX_MASK;

	if (size != 1 || off != OFF_DATA)
		return 0;
	switch (reg) {
	case REG_SECONDS:
	case REG_MINUTES:
	case REG_HOURS:
	case REG_WEEKDAY:
	case REG_DAY:
	case REG_MONTH:
	case REG_YEAR:
	case REG_CENTURY: return read_time(r, reg);
	case REG_A: return read_a(r);
	case REG_B: return B_24_HOURS;
	case REG_C: return 0;
	case REG_D: return D_VALID;
	case REG_HIGH16_LOW: return r->high16 & 0xff;
	case REG_HIGH16_HIGH: return r->high16 >> 8;
	case REG_ABOVE4G_LOW: return r->above4g & 0xff;
	case REG_ABOVE4G_MID: return r->above4g >> 8 & 0xff;
	case REG_ABOVE4G_HIGH: return r->above4g >> 16 & 0xff;
	default: return r->memory[reg];
	}
}

/* Read-only registers lie over the memory, so what is under them is hidden. */
static void write_data(struct rtc_cmos *r, uint8_t val)
{
	r->memory[r->index & INDEX_MASK] = val;
	if (r->index != INDEX_RESET || val != 0 || r->is_reset_requested)
		return;
	r->is_reset_requested = true;
	r->reset.fire(r->reset.ctx, 0);
}

static void rtc_write(struct vmoon_device *dev, uint64_t off, unsigned size,
		      uint64_t val)
{
	struct rtc_cmos *r = rtc_of(dev);
	uint8_t byte = (uint8_t)(val & 0xff);

	if (size != 1)
		return;
	if (off == OFF_INDEX)
		r->index = byte;
	else if (off == OFF_DATA)
		write_data(r, byte);
}

static void rtc_reset(struct vmoon_device *dev)
{
	struct rtc_cmos *r = rtc_of(dev);

	r->index = 0;
	r->is_reset_requested = false;
}

static void rtc_save(const struct vmoon_device *dev,
		     struct vmoon_state_writer *w)
{
	const struct rtc_cmos *r =
		VMOON_CONST_CONTAINER_OF(dev, struct rtc_cmos, dev);

	vmoon_state_begin(w, dev->ops->type, STATE_VERSION);
	vmoon_state_put(w, r->index, 1);
	vmoon_state_put_bytes(w, r->memory, sizeof(r->memory));
}

static enum vmoon_status rtc_load(struct vmoon_device *dev,
				  struct vmoon_state_reader *reader,
				  struct vmoon_error *err)
{
	struct rtc_cmos *r = rtc_of(dev);
	uint8_t memory[CMOS_BYTES];
	uint8_t index = 0;

	if (vmoon_state_expect(reader, dev->ops->type, STATE_VERSION))
		index = (uint8_t)vmoon_state_get(reader, 1);
	vmoon_state_get_bytes(reader, memory, sizeof(memory));
	if (reader->is_bad)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "rtc-cmos: the snapshot is cut short or of "
				  "another version; take a new snapshot");
	r->index = index;
	memcpy(r->memory, memory, sizeof(memory));
	r->is_reset_requested = false;
	return VMOON_OK;
}

static void rtc_destroy(struct vmoon_device *dev)
{
	struct rtc_cmos *r = rtc_of(dev);

	vmoon_mem_free(r->mem, r, sizeof(*r));
}

static const struct vmoon_device_ops rtc_ops = {
	.type = "rtc-cmos",
	.read = rtc_read,
	.write = rtc_write,
	.reset = rtc_reset,
	.save = rtc_save,
	.load = rtc_load,
	.destroy = rtc_destroy,
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

enum vmoon_status vmoon_rtc_cmos_create(const struct vmoon_rtc_cmos_config *cfg,
					struct vmoon_device **out_dev,
					struct vmoon_error *err)
{
	const uint64_t unit = 64 * VMOON_KIB, low = 16 * VMOON_MIB;
	uint64_t high16 =
		cfg->ram_below_4g > low ? (cfg->ram_below_4g - low) / unit : 0;
	struct rtc_cmos *r;

	assert(cfg->clock.wall_s != NULL && cfg->reset.fire != NULL);
	r = vmoon_mem_alloc(cfg->mem, sizeof(*r));
	if (r == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "rtc-cmos: out of memory");
	r->mem = cfg->mem;
	r->dev.ops = &rtc_ops;
	r->clock = cfg->clock;
	r->reset = cfg->reset;
	r->high16 = (uint16_t)min_u64(high16, UINT16_MAX);
	r->above4g = (uint32_t)min_u64(cfg->ram_above_4g / unit, 0xffffff);
	*out_dev = &r->dev;
	return VMOON_OK;
}
