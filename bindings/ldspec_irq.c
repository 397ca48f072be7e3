/* SPDX-License-Identifier: MIT */
/*
 * ldspec_irq.c - irq_when: a small language, compiled for vmoon/regmap.h.
 *
 *   either := both { "|" both }
 *   both   := not { "&" not }
 *   not    := { "!" } ( "(" either ")" | name )
 *   name   := REG [ "[" N "]" ] [ "." FIELD ]
 *
 * A name is true while any of its bits is set. Two whole registers with & in
 * between are compared bit by bit: "STATUS & MASK" is true while both have a
 * bit set that is the same. A register with a FIFO has no bits, but two fields:
 * rx_ready, values wait for the driver; tx_empty, none of the driver's waits.
 */
#include "ldspec_regs.h"

#include <string.h>

enum { NESTING_MAX = 16 };

enum token {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_SIGN /* its character is in text[0] */
};

struct parser {
	struct vmoon_ldirq *irq;
	struct vmoon_ldcheck *c;
	const char *text, *at; /* at: behind the token */
	const char *start;     /* the token */
	size_t len;
	enum token token;
	unsigned depth; /* of the stack at run time, so far */
	unsigned nesting;
	bool has_failed; /* and that was said */
};

/* An operand. A whole register has made no code yet. */
struct operand {
	bool is_whole;
	struct vmoon_reg_irq_op op;
	const char *start; /* its first token */
	size_t len;
};

static void fail_at(struct parser *p, const char *start, size_t len,
		    const char *what)
{
	char shown[VMOON_LDCHECK_SHOWN_MAX];
	const int column = (int)(start - p->text) + 1;

	if (p->has_failed)
		return;
	p->has_failed = true;
	if (len == 0)
		vmoon_ldcheck_say(p->c, "column %d: %s, but it ends here",
				  column, what);
	else
		vmoon_ldcheck_say(p->c, "column %d: %s, got %s", column, what,
				  vmoon_ldcheck_quote(start, len, shown));
}

static void fail(struct parser *p, const char *what)
{
	fail_at(p, p->start, p->len, what);
}

static bool is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	       ch == '_';
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static void next(struct parser *p)
{
	const char *at = p->at;

	while (*at == ' ')
		at++;
	p->start = at;
	if (is_letter(*at)) {
		p->token = TOKEN_NAME;
		while (is_letter(*at) || is_digit(*at))
			at++;
	} else if (is_digit(*at)) {
		p->token = TOKEN_NUMBER;
		while (is_digit(*at))
			at++;
	} else if (*at != '\0') {
		p->token = TOKEN_SIGN;
		at++;
	} else {
		p->token = TOKEN_END;
	}
	p->at = at;
	p->len = (size_t)(at - p->start);
}

static bool is_sign(const struct parser *p, char sign)
{
	return p->token == TOKEN_SIGN && *p->start == sign;
}

/* ---- code ---- */

static void emit(struct parser *p, struct vmoon_reg_irq_op op, int push)
{
	struct vmoon_ldirq *irq = p->irq;

	if (p->has_failed)
		return;
	p->depth += (unsigned)push; /* -1, 0 or 1; never below 0 */
	if (irq->count == VMOON_REGMAP_IRQ_OPS_MAX ||
	    p->depth > VMOON_REGMAP_IRQ_STACK) {
		p->has_failed = true;
		vmoon_ldcheck_say(p->c,
				  "column %d: all of irq_when together is too "
				  "long: at most %d names and signs",
				  (int)(p->start - p->text) + 1,
				  VMOON_REGMAP_IRQ_OPS_MAX);
		return;
	}
	irq->ops[irq->count++] = op;
}

static void emit_plain(struct parser *p, enum vmoon_reg_irq_kind kind, int push)
{
	emit(p, (struct vmoon_reg_irq_op){.kind = kind}, push);
}

/* ---- names ---- */

static bool is_token(const struct parser *p, const char *name)
{
	return strlen(name) == p->len && memcmp(name, p->start, p->len) == 0;
}

/* The token names nothing; tried has what is near. */
static void fail_name(struct parser *p, const struct vmoon_ldnearest *tried,
		      const char *what)
{
	char shown[VMOON_LDCHECK_SHOWN_MAX];

	p->has_failed = true;
	vmoon_ldcheck_say(p->c, "column %d: there is no %s %s",
			  (int)(p->start - p->text) + 1, what,
			  vmoon_ldcheck_quote(p->start, p->len, shown));
	vmoon_ldnearest_hint(p->c, tried);
}

static void token_text(const struct parser *p,
		       char out[VMOON_LDCHECK_NAME_MAX + 1])
{
	const size_t n = p->len < VMOON_LDCHECK_NAME_MAX
				 ? p->len
				 : VMOON_LDCHECK_NAME_MAX;

	memcpy(out, p->start, n);
	out[n] = '\0';
}

static const struct vmoon_ldreg *find_register(struct parser *p, uint16_t *out)
{
	char name[VMOON_LDCHECK_NAME_MAX + 1];
	struct vmoon_ldnearest near;

	for (size_t i = 0; i < p->irq->reg_count; i++) {
		if (!is_token(p, p->irq->regs[i].reg.name))
			continue;
		*out = (uint16_t)i; /* below REGS_MAX */
		return &p->irq->regs[i];
	}
	token_text(p, name);
	vmoon_ldnearest_init(&near, name);
	for (size_t i = 0; i < p->irq->reg_count; i++)
		vmoon_ldnearest_try(&near, p->irq->regs[i].reg.name,
				    strlen(p->irq->regs[i].reg.name));
	fail_name(p, &near, "register");
	return NULL;
}

static void fail_kept(struct parser *p, const char *start, const char *name,
		      enum vmoon_reg_access access)
{
	char word[16];

	p->has_failed = true;
	vmoon_ldcheck_say(p->c,
			  "column %d: %s is never set: its access is \"%s\"",
			  (int)(start - p->text) + 1, name,
			  vmoon_ldreg_access_name(access, word));
}

/* The token is the name behind the dot. */
static void parse_field(struct parser *p, const struct vmoon_ldreg *r,
			struct vmoon_reg_irq_op op)
{
	char name[VMOON_LDCHECK_NAME_MAX + 1];
	struct vmoon_ldnearest near;

	for (size_t i = 0; i < r->reg.field_count; i++) {
		const struct vmoon_reg_field *f = &r->reg.fields[i];

		if (!is_token(p, f->name))
			continue;
		if (!vmoon_ldreg_keeps(f->access)) {
			fail_kept(p, p->start, f->name, f->access);
			return;
		}
		op.mask = vmoon_ldreg_mask(f->first, f->bits);
		emit(p, op, 1);
		return;
	}
	if (r->is_bad) { /* it may be one of those that were refused */
		p->has_failed = true;
		return;
	}
	token_text(p, name);
	vmoon_ldnearest_init(&near, name);
	for (size_t i = 0; i < r->reg.field_count; i++)
		vmoon_ldnearest_try(&near, r->reg.fields[i].name,
				    strlen(r->reg.fields[i].name));
	fail_name(p, &near, "field");
}

static void parse_fifo(struct parser *p, struct vmoon_reg_irq_op op)
{
	static const char rx[] = "rx_ready", tx[] = "tx_empty";
	char name[VMOON_LDCHECK_NAME_MAX + 1];
	struct vmoon_ldnearest near;

	if (is_token(p, rx)) {
		op.kind = VMOON_REG_IRQ_FIFO_OUT;
		emit(p, op, 1);
	} else if (is_token(p, tx)) {
		op.kind = VMOON_REG_IRQ_FIFO_IN;
		emit(p, op, 1);
		emit_plain(p, VMOON_REG_IRQ_NOT, 0);
	} else {
		token_text(p, name);
		vmoon_ldnearest_init(&near, name);
		vmoon_ldnearest_try(&near, rx, sizeof(rx) - 1);
		vmoon_ldnearest_try(&near, tx, sizeof(tx) - 1);
		fail_name(p, &near, "field");
		if (near.word == NULL)
			vmoon_ldcheck_hint(p->c, "a FIFO has rx_ready and "
						 "tx_empty");
	}
}

/* "[3]", or nothing; false: said. */
static bool parse_index(struct parser *p, const struct vmoon_ldreg *r,
			uint32_t *out)
{
	uint32_t n = 0;

	*out = 0;
	if (!is_sign(p, '[')) {
		if (r->reg.count > 1)
			fail(p, "an array needs an index: NAME[0]");
		return !p->has_failed;
	}
	next(p);
	for (size_t i = 0; i < p->len && p->token == TOKEN_NUMBER; i++)
		n = n > VMOON_REGMAP_ELEMENTS_MAX
			    ? n
			    : n * 10 + (uint32_t)(p->start[i] - '0');
	if (p->token != TOKEN_NUMBER || n >= r->reg.count)
		fail(p, r->reg.count > 1
				? "expected an index inside of the array"
				: "it is no array, so the only index is 0");
	next(p);
	if (!is_sign(p, ']'))
		fail(p, "expected \"]\"");
	next(p);
	*out = n;
	return !p->has_failed;
}

static void take_whole(struct parser *p, const struct vmoon_ldreg *r,
		       struct operand *out)
{
	if (r->reg.fifo_depth > 0)
		fail_at(p, out->start, out->len,
			"a FIFO has rx_ready and tx_empty");
	else if (r->reg.field_count == 0 && !vmoon_ldreg_keeps(r->reg.access))
		fail_kept(p, out->start, r->reg.name, r->reg.access);
	out->op.mask = vmoon_ldreg_mask(0, 8 * r->reg.width);
	out->is_whole = r->reg.count == 1;
	if (!out->is_whole)
		emit(p, out->op, 1);
}

static void parse_name(struct parser *p, struct operand *out)
{
	const struct vmoon_ldreg *r = find_register(p, &out->op.reg);

	out->op.kind = VMOON_REG_IRQ_BITS;
	if (r == NULL)
		return;
	next(p);
	if (!parse_index(p, r, &out->op.element))
		return;
	if (!is_sign(p, '.')) {
		take_whole(p, r, out);
		return;
	}
	next(p);
	if (p->token != TOKEN_NAME)
		fail(p, "expected the name of a field");
	else if (r->reg.fifo_depth > 0)
		parse_fifo(p, out->op);
	else
		parse_field(p, r, out->op);
	next(p);
}

/* ---- expressions ---- */

static void parse_either(struct parser *p);

static void fail_operand(struct parser *p)
{
	const bool is_new = !p->has_failed;

	fail(p, p->nesting == NESTING_MAX && is_sign(p, '(')
			? "too many parentheses"
			: "expected the name of a register, \"!\" or \"(\"");
	if (!is_new)
		return;
	if (is_sign(p, '~'))
		vmoon_ldcheck_hint(p->c, "write \"!\"");
	else if (is_sign(p, '&') || is_sign(p, '|'))
		vmoon_ldcheck_hint(p->c, "write one \"%c\"", *p->start);
}

static void parse_not(struct parser *p, struct operand *out)
{
	bool is_negated = false, has_sign = false;

	for (; is_sign(p, '!'); next(p)) {
		is_negated = !is_negated;
		has_sign = true;
	}
	*out = (struct operand){.start = p->start, .len = p->len};
	if (is_sign(p, '(') && p->nesting < NESTING_MAX) {
		p->nesting++;
		next(p);
		parse_either(p);
		if (!is_sign(p, ')'))
			fail(p, "expected \"&\", \"|\" or \")\"");
		next(p);
		p->nesting--;
	} else if (p->token == TOKEN_NAME) {
		parse_name(p, out);
	} else {
		fail_operand(p);
	}
	if (out->is_whole && has_sign) {
		emit(p, out->op, 1);
		out->is_whole = false;
	}
	if (is_negated)
		emit_plain(p, VMOON_REG_IRQ_NOT, 0);
}

/* The code of one or two whole registers. */
static void emit_whole(struct parser *p, const struct operand *whole,
		       unsigned count)
{
	struct vmoon_reg_irq_op op = whole[0].op;

	if (count == 2) {
		op.kind = VMOON_REG_IRQ_BOTH;
		op.reg2 = whole[1].op.reg;
		op.mask = 0;
	}
	emit(p, op, 1);
}

static void parse_both(struct parser *p)
{
	struct operand whole[2], operand;
	unsigned whole_count = 0, others = 0;

	for (;;) {
		parse_not(p, &operand);
		if (!operand.is_whole) {
			if (others++ > 0)
				emit_plain(p, VMOON_REG_IRQ_AND, -1);
		} else if (whole_count < 2) {
			whole[whole_count++] = operand;
		} else {
			fail_at(p, operand.start, operand.len,
				"two whole registers can be compared bit by "
				"bit, no more");
		}
		if (!is_sign(p, '&') || p->has_failed)
			break;
		next(p);
	}
	if (whole_count == 0)
		return;
	emit_whole(p, whole, whole_count);
	if (others > 0)
		emit_plain(p, VMOON_REG_IRQ_AND, -1);
}

static void parse_either(struct parser *p)
{
	parse_both(p);
	while (is_sign(p, '|') && !p->has_failed) {
		next(p);
		parse_both(p);
		emit_plain(p, VMOON_REG_IRQ_OR, -1);
	}
}

void vmoon_ldirq_add(struct vmoon_ldirq *irq, const char *text)
{
	struct parser p = {.irq = irq, .c = irq->c, .text = text, .at = text};
	const bool is_first = irq->count == 0;

	p.depth = !is_first; /* what came before is below */
	next(&p);
	parse_either(&p);
	if (p.token != TOKEN_END) {
		const bool is_new = !p.has_failed;

		fail(&p, "expected \"&\", \"|\" or the end");
		if (is_new && p.token == TOKEN_NAME &&
		    (is_token(&p, "and") || is_token(&p, "or")))
			vmoon_ldcheck_hint(p.c, "write \"%c\"",
					   *p.start == 'a' ? '&' : '|');
	}
	if (!is_first)
		emit_plain(&p, VMOON_REG_IRQ_OR, -1);
}
