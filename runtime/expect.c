/* SPDX-License-Identifier: MIT */
/* expect.c - waits until a pattern stands on a console. */
#include "vm.h"

#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

/* What one match may span; older text is dropped by halves. */
enum { WINDOW = 16 * 1024, CHUNK = 4096, PATTERNS_MAX = 64 };

/*
 * The text after the cursor, without the '\r' of line ends, so that "\n" in a
 * pattern matches what terminals send. at[i] is the stream position of text[i].
 */
struct search {
	struct vmoon_mem *mem;                /* borrowed */
	const struct vmoon_pattern *patterns; /* borrowed */
	size_t count;
	regex_t *regexes; /* owned; valid where the kind is RE */
	size_t regex_count;
	uint64_t pos; /* where to read on */
	size_t len;
	char text[WINDOW + 1];
	uint64_t at[WINDOW + 1];
};

static void free_search(struct search *q)
{
	for (size_t i = 0; i < q->regex_count; i++)
		if (q->patterns[i].kind == VMOON_PATTERN_RE)
			regfree(&q->regexes[i]);
	vmoon_mem_free(q->mem, q->regexes, q->count * sizeof(*q->regexes));
	vmoon_mem_free(q->mem, q, sizeof(*q));
}

/* POSIX leaves \1 in an ERE undefined; in glibc it can take for ever. */
static bool has_back_reference(const char *re, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (re[i] != '\\')
			continue;
		i++;
		if (re[i] >= '1' && re[i] <= '9')
			return true;
	}
	return false;
}

static enum vmoon_status compile(regex_t *out, const struct vmoon_pattern *p,
				 struct vmoon_error *err)
{
	char text[512], why[128];
	int rc;

	if (p->len >= sizeof(text) || memchr(p->text, '\0', p->len) != NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "regular expression: longer than %zu bytes, "
				  "or with a zero byte in it",
				  sizeof(text) - 1);
	if (has_back_reference(p->text, p->len))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "regular expression: back-references are not "
				  "supported");
	memcpy(text, p->text, p->len);
	text[p->len] = '\0';
	rc = regcomp(out, text, REG_EXTENDED | REG_NEWLINE);
	if (rc == 0)
		return VMOON_OK;
	(void)regerror(rc, out, why, sizeof(why));
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "regular expression \"%s\": %s", text, why);
}

static enum vmoon_status check_patterns(const struct vmoon_pattern *patterns,
					size_t count, struct vmoon_error *err)
{
	if (patterns == NULL || count == 0 || count > PATTERNS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "expect: 1 to %d patterns", PATTERNS_MAX);
	for (size_t i = 0; i < count; i++)
		if (patterns[i].text == NULL || patterns[i].len == 0 ||
		    patterns[i].len > WINDOW / 2)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "expect: pattern %zu is empty or "
					  "longer than %d bytes",
					  i + 1, WINDOW / 2);
	for (size_t i = 0; i < count; i++)
		if (patterns[i].kind != VMOON_PATTERN_TEXT &&
		    patterns[i].kind != VMOON_PATTERN_RE)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "expect: pattern %zu is of no known "
					  "kind",
					  i + 1);
	return VMOON_OK;
}

static enum vmoon_status new_search(const struct vmoon_stream *s,
				    const struct vmoon_pattern *patterns,
				    size_t count, struct search **out,
				    struct vmoon_error *err)
{
	enum vmoon_status st = check_patterns(patterns, count, err);
	struct vmoon_mem *mem = &s->vm->rt->mem;
	struct search *q;

	if (st != VMOON_OK)
		return st;
	q = vmoon_mem_alloc(mem, sizeof(*q));
	if (q == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "expect: out of memory");
	q->mem = mem;
	q->patterns = patterns;
	q->count = count;
	q->pos = s->cursor;
	q->regexes = vmoon_mem_alloc_array(mem, count, sizeof(*q->regexes));
	if (q->regexes == NULL)
		st = vmoon_fail(err, VMOON_E_NOMEM, 0, "expect: out of memory");
	for (size_t i = 0; i < count && st == VMOON_OK; i++) {
		if (patterns[i].kind == VMOON_PATTERN_RE)
			st = compile(&q->regexes[i], &patterns[i], err);
		if (st == VMOON_OK)
			q->regex_count = i + 1;
	}
	if (st != VMOON_OK) {
		free_search(q);
		return st;
	}
	*out = q;
	return VMOON_OK;
}

static void append(struct search *q, const char *buf, size_t len, uint64_t pos)
{
	if (q->len + len > WINDOW) {
		size_t cut = q->len - WINDOW / 2;

		memmove(q->text, q->text + cut, q->len - cut);
		memmove(q->at, q->at + cut, (q->len - cut) * sizeof(q->at[0]));
		q->len -= cut;
	}
	for (size_t i = 0; i < len; i++) {
		/* A '\r' waits in the text until what follows it is known. */
		if (buf[i] == '\n' && q->len > 0 && q->text[q->len - 1] == '\r')
			q->len--;
		q->text[q->len] = buf[i];
		q->at[q->len] = pos + i;
		q->len++;
	}
	q->text[q->len] = '\0';
}

static bool find_one(const struct search *q, size_t i, size_t *begin,
		     size_t *end)
{
	const struct vmoon_pattern *p = &q->patterns[i];
	regmatch_t m = {.rm_so = 0, .rm_eo = (regoff_t)q->len};
	const char *at;

	if (p->kind == VMOON_PATTERN_RE) {
		if (regexec(&q->regexes[i], q->text, 1, &m, REG_STARTEND) != 0)
			return false;
		*begin = (size_t)m.rm_so;
		*end = (size_t)m.rm_eo;
		return true;
	}
	at = memmem(q->text, q->len, p->text, p->len);
	if (at == NULL)
		return false;
	*begin = (size_t)(at - q->text);
	*end = *begin + p->len;
	return true;
}

/* The earliest match; among those, the first pattern. */
static bool find(const struct search *q, struct vmoon_match *out)
{
	size_t best = SIZE_MAX, begin, end;

	for (size_t i = 0; i < q->count; i++) {
		if (!find_one(q, i, &begin, &end) || begin >= best)
			continue;
		best = begin;
		out->which = i;
		out->begin = begin < q->len ? q->at[begin] : q->pos;
		out->end = end > begin ? q->at[end - 1] + 1 : out->begin;
	}
	return best != SIZE_MAX;
}

/* ---- what a search could not look at ---- */

/* The next search begins at pos. */
static void begin_at(struct vmoon_stream *s, uint64_t pos)
{
	s->cursor = s->looked = pos;
	s->missed = 0;
}

void vmoon_stream_seek(struct vmoon_stream *s, uint64_t pos)
{
	if (s == NULL)
		return;
	begin_at(s, pos);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * A search may come in several calls, each from the cursor: what one of them
 * has looked at was not missed. Nor is it counted twice by another search.
 */
static void note_looked(struct vmoon_stream *s, uint64_t from, uint64_t begin,
			uint64_t end)
{
	const uint64_t wanted = later(from, s->looked);
	const uint64_t fresh = later(wanted, s->seen);

	if (begin > wanted)
		s->missed += begin - wanted;
	if (begin > fresh)
		__atomic_fetch_add(&s->unsearched, begin - fresh,
				   __ATOMIC_RELAXED);
	s->looked = later(s->looked, end);
	s->seen = later(s->seen, end);
}

size_t vmoon_stream_search(struct vmoon_stream *s, uint64_t *pos, void *buf,
			   size_t cap)
{
	const uint64_t from = pos == NULL ? 0 : *pos;
	const size_t len = vmoon_stream_read(s, pos, buf, cap);

	if (len > 0)
		note_looked(s, from, *pos - len, *pos);
	return len;
}

uint64_t vmoon_stream_unsearched(const struct vmoon_stream *s)
{
	return s == NULL ? 0 : s->missed;
}

/* Behind the message of a search that failed: it may not be the guest's fault.
 */
static void add_unsearched(const struct vmoon_stream *s,
			   struct vmoon_error *err)
{
	size_t len;

	if (err == NULL || s->missed == 0)
		return;
	len = strlen(err->msg);
	(void)snprintf(err->msg + len, sizeof(err->msg) - len,
		       "; %" PRIu64 " bytes came and went unsearched, as only "
		       "the newest 1 MiB is kept",
		       s->missed);
}

static bool look(struct vmoon_stream *s, struct search *q,
		 struct vmoon_match *out)
{
	/* Not what comes meanwhile: in a flood a time-out counts too. */
	const uint64_t end = vmoon_stream_tell(s);
	char chunk[CHUNK];

	while (q->pos < end) {
		const size_t len =
			vmoon_stream_search(s, &q->pos, chunk, sizeof(chunk));

		if (len == 0)
			break;
		append(q, chunk, len, q->pos - len);
		if (find(q, out))
			return true;
	}
	return false;
}

/* Why waiting on makes no sense, if so. */
static enum vmoon_status hopeless(struct vmoon_vm *vm, struct vmoon_error *err)
{
	if (vm->spec.on_panic == VMOON_ON_STOP &&
	    __atomic_load_n(&vm->has_panicked, __ATOMIC_ACQUIRE))
		return vmoon_fail(err, VMOON_E_PANIC, 0, "guest panicked");
	if (vmoon_vm_is_over(vm))
		return vmoon_fail(err, VMOON_E_EXITED, 0, "VM %s",
				  vmoon_vm_state_name(vmoon_vm_get_state(vm)));
	return VMOON_OK;
}

/* The last lines, as plain text. They are the guest's: nothing but text. */
static void add_tail(struct vmoon_stream *s, struct vmoon_error *err)
{
	enum { TAIL = 1000 };
	char tail[TAIL + 1];
	uint64_t pos = vmoon_stream_tell(s), end = pos;
	size_t len, n = 0;

	pos = pos > TAIL ? pos - TAIL : 0;
	len = vmoon_stream_read(s, &pos, tail, end - pos);
	for (size_t i = 0; i < len; i++) {
		const bool is_text = tail[i] >= ' ' && tail[i] <= '~';

		if (is_text || tail[i] == '\n')
			tail[n++] = tail[i];
		else if (tail[i] != '\r')
			tail[n++] = '?';
	}
	tail[n] = '\0';
	if (n > 0)
		vmoon_error_add_detail(err, "%s%s", tail,
				       tail[n - 1] == '\n' ? "" : "\n");
}

static enum vmoon_status wait_for(struct vmoon_stream *s, struct search *q,
				  int64_t timeout_ns, struct vmoon_match *m,
				  struct vmoon_error *err)
{
	uint64_t start = vmoon_mono_ns(), gone;

	for (;;) {
		/* Asked first: the last words count even at the end. */
		enum vmoon_status end = hopeless(s->vm, err), st;
		int64_t left = -1;

		if (look(s, q, m))
			return VMOON_OK;
		if (end != VMOON_OK)
			return end;
		if (timeout_ns >= 0) {
			gone = vmoon_mono_ns() - start;
			if (gone >= (uint64_t)timeout_ns)
				return vmoon_fail(err, VMOON_E_TIMEOUT, 0,
						  "no match within %.1fs",
						  (double)timeout_ns / 1e9);
			left = timeout_ns - (int64_t)gone;
		}
		st = vmoon_runtime_wait(s->vm->rt, left, err);
		if (st != VMOON_OK && st != VMOON_E_TIMEOUT)
			return st;
	}
}

enum vmoon_status vmoon_stream_expect(struct vmoon_stream *s,
				      const struct vmoon_pattern *patterns,
				      size_t count, int64_t timeout_ns,
				      struct vmoon_match *out_match,
				      struct vmoon_error *err)
{
	struct vmoon_match m = VMOON_INIT(struct vmoon_match);
	struct search *q = NULL;
	enum vmoon_status st;

	if (s == NULL || out_match == NULL ||
	    out_match->size < sizeof(out_match->size))
		return vmoon_fail(
			err, VMOON_E_INVAL, 0,
			"expect: no stream, or no place of a known size "
			"for the match");
	st = new_search(s, patterns, count, &q, err);
	if (st != VMOON_OK)
		return st;
	st = wait_for(s, q, timeout_ns, &m, err);
	free_search(q);
	if (st != VMOON_OK) {
		add_unsearched(s, err);
		add_tail(s, err);
		return st;
	}
	begin_at(s, m.end);
	memcpy(out_match, &m,
	       out_match->size < sizeof(m) ? out_match->size : sizeof(m));
	return VMOON_OK;
}
