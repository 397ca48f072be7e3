/* SPDX-License-Identifier: MIT */
/* stream_outputs.c - a stream's outputs as the embedder sees them. */
#include "stream.h"

#include <stddef.h>
#include <string.h>

/* The output that vmoon_stream_copy_to makes. */
static const char copy_name[] = "copy";

static enum vmoon_status check_options(const struct vmoon_output_options *opts,
				       struct vmoon_error *err)
{
	char name[VMOON_OUTPUT_NAME_MAX];

	if (opts->name != NULL &&
	    (opts->name[0] == '\0' || strlen(opts->name) >= sizeof(name)))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "output: a name has 1 to %d bytes",
				  VMOON_OUTPUT_NAME_MAX - 1);
	return VMOON_OK;
}

/* No more of given is read than its size says; limit has a size of its own. */
static enum vmoon_status read_options(const struct vmoon_output_options *given,
				      struct vmoon_output_options *out,
				      struct vmoon_error *err)
{
	memset(out, 0, sizeof(*out));
	if (given->size < sizeof(given->size))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "output: size is not set; begin with "
				  "VMOON_INIT");
	memcpy(out, given,
	       given->size < sizeof(*out) ? given->size : sizeof(*out));
	if (out->limit.size == 0) /* of what the size of all says */
		out->limit.size = sizeof(out->limit);
	return check_options(out, err);
}

/* The worker looks at what changed, and arms its timer. */
static void changed(struct vmoon_stream *s)
{
	vmoon_loop_fire(&s->outputs_event);
}

/* limit may be of an older caller's, who knows no policy. */
static enum vmoon_status check_pause(const struct vmoon_stream *s,
				     const struct vmoon_limit *limit,
				     struct vmoon_error *err)
{
	if (!s->is_log ||
	    limit->size < offsetof(struct vmoon_limit, policy) +
				  sizeof(limit->policy) ||
	    limit->policy != VMOON_LIMIT_PAUSE)
		return VMOON_OK;
	return vmoon_fail(err, VMOON_E_CONFIG, 0,
			  "limit: a log has no guest that could be paused; "
			  "choose \"drop\" or \"spool\"");
}

/* One that belongs to no stream yet. */
static enum vmoon_status open_output(struct vmoon_stream *s,
				     const struct vmoon_output_options *opts,
				     struct vmoon_output **out_output,
				     struct vmoon_error *err)
{
	struct vmoon_dest *dest;
	enum vmoon_status st = vmoon_limit_check(&opts->limit, err);

	if (st == VMOON_OK)
		st = check_pause(s, &opts->limit, err);
	if (st == VMOON_OK)
		st = vmoon_dest_prepare(opts, s->outputs.mem, &dest, err);
	if (st == VMOON_OK)
		st = vmoon_output_create(opts, dest, s->outputs.mem,
					 vmoon_mono_ns(), out_output, err);
	return st;
}

enum vmoon_status vmoon_stream_add_output(
	struct vmoon_stream *s, const struct vmoon_output_options *opts,
	struct vmoon_error *err)
{
	struct vmoon_output_options o;
	struct vmoon_output *output;
	enum vmoon_status st;

	if (s == NULL || opts == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "output: no stream or no options given");
	st = read_options(opts, &o, err);
	if (st == VMOON_OK)
		st = open_output(s, &o, &output, err);
	if (st == VMOON_OK)
		st = vmoon_outputs_add(&s->outputs, output,
				       o.kind == VMOON_OUTPUT_CALLBACK ? o.data
								       : NULL,
				       o.ctx, err);
	if (st == VMOON_OK)
		changed(s);
	return st;
}

enum vmoon_status vmoon_stream_remove_output(struct vmoon_stream *s,
					     const char *name,
					     struct vmoon_error *err)
{
	enum vmoon_status st;

	if (s == NULL || name == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "output: no stream or no name given");
	st = vmoon_outputs_remove(&s->outputs, name, err);
	changed(s);
	return st;
}

enum vmoon_status vmoon_stream_limit_output(struct vmoon_stream *s,
					    const char *name,
					    const struct vmoon_limit *limit,
					    struct vmoon_error *err)
{
	enum vmoon_status st;

	if (s == NULL || name == NULL || limit == NULL)
		return vmoon_fail(
			err, VMOON_E_INVAL, 0,
			"output: no stream, no name or no limit given");
	if (limit->size < sizeof(limit->size))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "limit: size is not set; begin with "
				  "VMOON_INIT");
	st = check_pause(s, limit, err);
	if (st == VMOON_OK)
		st = vmoon_outputs_limit(&s->outputs, name, limit, err);
	changed(s);
	return st;
}

enum vmoon_status vmoon_stream_output_stats(struct vmoon_stream *s, size_t i,
					    struct vmoon_output_stats *out,
					    struct vmoon_error *err)
{
	struct vmoon_output_stats stats;

	if (s == NULL || out == NULL || out->size < sizeof(out->size))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "output: no stream, or no place for its "
				  "figures, given");
	if (!vmoon_outputs_stats(&s->outputs, i, &stats))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "there is no output number %zu", i);
	stats.size = out->size < sizeof(stats) ? out->size : sizeof(stats);
	memcpy(out, &stats, stats.size);
	return VMOON_OK;
}

enum vmoon_status vmoon_stream_read_output(struct vmoon_stream *s,
					   const char *name, void *buf,
					   size_t cap, size_t *out_len,
					   struct vmoon_error *err)
{
	if (s == NULL || name == NULL || out_len == NULL ||
	    (buf == NULL && cap > 0))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "output: no stream, name or buffer given");
	return vmoon_outputs_read(&s->outputs, name, buf, cap, out_len, err);
}

enum vmoon_status vmoon_stream_take_output(struct vmoon_stream *s,
					   const char *name, void *buf,
					   size_t cap,
					   struct vmoon_output_info *out_info,
					   struct vmoon_error *err)
{
	struct vmoon_output_info info = {.size = sizeof(info)};
	enum vmoon_status st;

	if (s == NULL || name == NULL || (buf == NULL && cap > 0) ||
	    out_info == NULL || out_info->size < sizeof(out_info->size))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "output: no stream, name, buffer or place "
				  "for what was taken given");
	st = vmoon_outputs_take(&s->outputs, name, buf, cap, &info, err);
	if (st != VMOON_OK)
		return st;
	info.size =
		out_info->size < sizeof(info) ? out_info->size : sizeof(info);
	memcpy(out_info, &info, info.size);
	return VMOON_OK;
}

enum vmoon_status vmoon_stream_on_limited(struct vmoon_stream *s,
					  vmoon_limited_fn fn, void *ctx,
					  struct vmoon_error *err)
{
	if (s == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no stream given");
	s->limited_fn = fn;
	s->limited_ctx = ctx;
	return VMOON_OK;
}

enum vmoon_status vmoon_stream_copy_to(struct vmoon_stream *s, int fd,
				       struct vmoon_error *err)
{
	const struct vmoon_output_options opts = {
		.size = sizeof(opts),
		.name = copy_name,
		.kind = VMOON_OUTPUT_FD,
		.fd = fd,
		.limit = {.size = sizeof(opts.limit)}};
	struct vmoon_output *output = NULL;
	enum vmoon_status st;

	if (s == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no stream given");
	/* First, so that the old copy goes on when there can be no new one. */
	if (fd >= 0 && open_output(s, &opts, &output, err) != VMOON_OK)
		return VMOON_E_SYS;
	if (vmoon_outputs_has(&s->outputs, copy_name))
		VMOON_IGNORE(vmoon_outputs_remove(&s->outputs, copy_name,
						  NULL) != VMOON_OK);
	st = output == NULL
		     ? VMOON_OK
		     : vmoon_outputs_add(&s->outputs, output, NULL, NULL, err);
	changed(s);
	return st;
}
