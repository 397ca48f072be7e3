/* SPDX-License-Identifier: MIT */
/*
 * test_lmatch.c - the bounded matcher does what Lua's own does, but for what
 * is wrong with a pattern (it says so at once) and for patterns that explode.
 */
#include "bindings/lmatch.h"

#include <lauxlib.h>
#include <lualib.h>

#include "tests/support/fixture.h"

/* A state with Lua's `string` and ours as `bounded`. */
static int setup(void **state)
{
	lua_State *L = luaL_newstate();

	assert_non_null(L);
	luaL_openlibs(L);
	lua_newtable(L);
	vmoon_lmatch_open(L);
	lua_setglobal(L, "bounded");
	*state = L;
	return 0;
}

static int teardown(void **state)
{
	lua_close(*state);
	return 0;
}

static void run(lua_State *L, const char *text)
{
	if (luaL_dostring(L, text))
		fail_msg("%s", lua_tostring(L, -1));
}

#define SAME                                                                   \
	"local function same(text, ...)\n"                                     \
	"  local arguments = table.pack(...)\n"                                \
	"  for _, name in ipairs { 'find', 'match', 'gsub', 'gmatch' } do\n"   \
	"    local function call(library)\n"                                   \
	"      if name == 'gsub' then\n"                                       \
	"        return pcall(library.gsub, text, arguments[1], '<%0|%1>')\n"  \
	"      elseif name == 'gmatch' then\n"                                 \
	"        return pcall(function(p)\n"                                   \
	"          local all = {}\n"                                           \
	"          for a, b in library.gmatch(text, p) do\n"                   \
	"            all[#all + 1] = tostring(a) .. ',' .. tostring(b)\n"      \
	"          end\n"                                                      \
	"          return table.concat(all, ';')\n"                            \
	"        end, arguments[1])\n"                                         \
	"      end\n"                                                          \
	"      return pcall(library[name], text, table.unpack(arguments))\n"   \
	"    end\n"                                                            \
	"    local a, b = table.pack(call(string)), "                          \
	"table.pack(call(bounded))\n"                                          \
	"    local what = ('%s(%q, %q)'):format(name, text, arguments[1])\n"   \
	"    if not a[1] then\n"                                               \
	"      assert(not b[1], what .. ' is an error: ' .. a[2])\n"           \
	"    else\n"                                                           \
	"      assert(b[1], what .. ': ' .. tostring(b[2]))\n"                 \
	"      assert(a.n == b.n, what .. ' has other results')\n"             \
	"      for i = 1, a.n do\n"                                            \
	"        assert(a[i] == b[i], what .. ': ' .. tostring(a[i]) .. ' ~= " \
	"' "                                                                   \
	".. tostring(b[i]))\n"                                                 \
	"      end\n"                                                          \
	"    end\n"                                                            \
	"  end\n"                                                              \
	"end\n"

static void test_lmatch__each_item_does_what_luas_does(void **state)
{
	run(*state, SAME
	    "local texts = { '', 'a', 'hello world', 'THE (quick) fox', "
	    "'a.b-c', '  x = 10,y=20 ', '((a)(b))', 'aaa', 'abcabc', "
	    "'\\0a\\0\\255', 'a]b^c%d-e', '[[x]]', '2024-01-02' }\n"
	    "local patterns = { '', '.', 'l+', '^%s*(.-)%s*$', '(%w+)', "
	    "'%b()', '%f[%w]%w+', '%f[%A]', '(a)(b)%2%1', '(.)%1', '[a-c]+', "
	    "'[^a-c]', '[]]', '[^]]', '[%]a-]', '[a-%]]', '[%a-z]', '[a-]', "
	    "'%.', '%-', '$', '^', '^a', 'a$', 'a$b', '()a()', '(%d+)-(%d+)', "
	    "'[%z\\1]', '%Z', 'x*', 'x-', 'a?b?c?', '.-b', '(()a*())', "
	    "'%x%x', '[%w_]+%s*=', '%u%l*', '((.)(.))', '(a*(.)%w(%s*))', "
	    "'^^a', '%y', '[[]', '%g', '[\\0-\\127]', 'a-$', '()', '%c', "
	    "'(.)()%2' }\n"
	    "for _, t in ipairs(texts) do for _, p in ipairs(patterns) do\n"
	    "  same(t, p)\n"
	    "  for _, init in ipairs { -100, -2, 0, 2, 5, 100, "
	    "math.mininteger, "
	    "math.maxinteger } do same(t, p, init) end\n"
	    "end end\n");
}

static void test_lmatch__thousands_of_patterns_by_chance(void **state)
{
	run(*state, SAME
	    "math.randomseed(42)\n"
	    "local pieces = { 'a', 'b', '.', '%a', '%S', '[ab]', '[^a]', "
	    "'[a-c]', '%f[a]', '%bab', '%w', ' ', '[%s%d]', '%-' }\n"
	    "local signs = { '', '', '', '*', '+', '-', '?' }\n"
	    "local letters = { 'a', 'b', 'c', ' ', '1', '-', '\\n' }\n"
	    "local function pick(list) return list[math.random(#list)] end\n"
	    "local function pattern(depth)\n"
	    "  local out = {}\n"
	    "  for i = 1, math.random(0, 4) do\n"
	    "    if depth < 3 and math.random() < 0.25 then\n"
	    "      out[i] = '(' .. pattern(depth + 1) .. ')'\n"
	    "    else\n"
	    "      out[i] = pick(pieces) .. pick(signs)\n"
	    "    end\n"
	    "  end\n"
	    "  return table.concat(out)\n"
	    "end\n"
	    "for i = 1, 4000 do\n"
	    "  local text = {}\n"
	    "  for k = 1, math.random(0, 12) do text[k] = pick(letters) end\n"
	    "  local p = (math.random() < 0.2 and '^' or '') .. pattern(0)\n"
	    "  if math.random() < 0.2 then p = p .. '$' end\n"
	    "  if math.random() < 0.2 then p = '(.)' .. p .. '%1' end\n"
	    "  same(table.concat(text), p)\n"
	    "end\n");
}

/* Noise: ours may refuse earlier, but what both take is the same. */
static void test_lmatch__noise_for_a_pattern_does_no_harm(void **state)
{
	run(*state, "math.randomseed(7)\n"
		    "local bytes = '%%%[[]]^$()*+-?.abf12d\\0\\255'\n"
		    "local function noise(most)\n"
		    "  local out = {}\n"
		    "  for i = 1, math.random(0, most) do\n"
		    "    local k = math.random(#bytes)\n"
		    "    out[i] = bytes:sub(k, k)\n"
		    "  end\n"
		    "  return table.concat(out)\n"
		    "end\n"
		    "local both = 0\n"
		    "for i = 1, 20000 do\n"
		    "  local text, p = noise(10), noise(8)\n"
		    "  local a = table.pack(pcall(string.find, text, p))\n"
		    "  local b = table.pack(pcall(bounded.find, text, p))\n"
		    "  pcall(bounded.gsub, text, p, noise(3))\n"
		    "  if a[1] and b[1] then\n"
		    "    both = both + 1\n"
		    "    assert(a.n == b.n, p)\n"
		    "    for k = 2, a.n do assert(a[k] == b[k], p) end\n"
		    "  elseif b[1] then\n"
		    "    error(('%q is an error: %s'):format(p, a[2]))\n"
		    "  end\n"
		    "end\n"
		    "assert(both > 2000, both)\n");
}

static void test_lmatch__what_is_wrong_with_a_pattern_is_said(void **state)
{
	run(*state,
	    "for p, text in pairs {\n"
	    "  ['%'] = \"malformed pattern (ends with '%')\",\n"
	    "  ['[a'] = \"malformed pattern (missing ']')\",\n"
	    "  ['[]'] = \"malformed pattern (missing ']')\",\n"
	    "  ['[^'] = \"malformed pattern (missing ']')\",\n"
	    "  ['[%'] = \"malformed pattern (missing ']')\",\n"
	    "  ['['] = \"malformed pattern (missing ']')\",\n"
	    "  ['(a'] = 'unfinished capture',\n"
	    "  ['a)'] = 'invalid pattern capture',\n"
	    "  ['%1'] = 'invalid capture index %1',\n"
	    "  ['(%1)'] = 'invalid capture index %1',\n"
	    "  ['%0'] = 'invalid capture index %0',\n"
	    "  ['%b'] = \"malformed pattern (missing arguments to '%b')\",\n"
	    "  ['%bx'] = \"malformed pattern (missing arguments to '%b')\",\n"
	    "  ['%f'] = \"missing '[' after '%f' in pattern\",\n"
	    "  ['%fa'] = \"missing '[' after '%f' in pattern\",\n"
	    "  [('()'):rep(33)] = 'too many captures',\n"
	    "  [('a?'):rep(201)] = 'pattern too complex',\n"
	    "} do\n"
	    "  for name in pairs(bounded) do\n"
	    "    local ok, err = pcall(bounded[name], 'text', p, '')\n"
	    "    if name == 'find' or name == 'match' then\n"
	    "      ok, err = pcall(bounded[name], 'text', p)\n"
	    "    end\n"
	    "    if name == 'gmatch' then\n"
	    "      ok, err = pcall(bounded[name], 'text', p)\n"
	    "    end\n"
	    "    assert(not ok and err == text, p .. ': ' .. tostring(err))\n"
	    "  end\n"
	    "end\n"
	    "assert(bounded.find(('x'):rep(200), ('x?'):rep(200)) == 1)\n");
}

static void test_lmatch__replacements_are_luas(void **state)
{
	run(*state,
	    "local cases = {\n"
	    "  { 'hello world', '%w+', '%0 %0', 1 }, { 'abc', '', '-' },\n"
	    "  { 'abc', '%w', { a = 'x', b = false, c = 3 } },\n"
	    "  { 'abc', '(%w)()', function(c, at) return c .. at end },\n"
	    "  { 'abc', '%w', function() end }, { 'abc', 'b', '%%' },\n"
	    "  { 'abc', '()', '%1' }, { 'abc', '(b)', '%1%1' }, { 'abc', 'b', "
	    "7 "
	    "},\n"
	    "  { 'abc', 'b', '%1' }, { 'abc', 'b', '%2' }, { 'abc', 'b', '%' "
	    "},\n"
	    "  { 'abc', 'b', '%x' }, { 'abc', 'b', function() return {} end "
	    "},\n"
	    "  { 'abc', 'b', true }, { 'abc', 'b' }, { 'abc', '.', 'x', 0 },\n"
	    "  { 'abc', '.', 'x', 2 }, { 'abc', '^a*', 'x' }, { 'aaa', 'a-', "
	    "'x' "
	    "},\n"
	    "  { 'abc', '.', setmetatable({}, { __index = function(_, k) "
	    "return k "
	    ".. k end }) },\n"
	    "}\n"
	    "for i, case in ipairs(cases) do\n"
	    "  local a = table.pack(pcall(string.gsub, table.unpack(case)))\n"
	    "  local b = table.pack(pcall(bounded.gsub, table.unpack(case)))\n"
	    "  assert(a.n == b.n, i)\n"
	    "  for k = 1, a[1] and a.n or 1 do\n"
	    "    assert(a[k] == b[k], i .. ': ' .. tostring(b[k]))\n"
	    "  end\n"
	    "end\n"
	    "assert(bounded.find('a.b', '.', 2, true) == 2)\n"
	    "assert(bounded.find('a.b', 'c', 1, true) == nil)\n"
	    "assert(bounded.find('', '', 1, true) == 1)\n"
	    "assert(bounded.find('', '', 2) == nil)\n");
}

static void test_lmatch__a_pattern_that_explodes_is_ended(void **state)
{
	run(*state,
	    "local text = ('a'):rep(40)\n"
	    "local evil = ('a-'):rep(30) .. 'b'\n"
	    "local want = 'pattern takes too many steps on this text'\n"
	    "for name, call in pairs {\n"
	    "  find = function() return bounded.find(text, evil) end,\n"
	    "  match = function() return bounded.match(text, ('a*'):rep(30) .. "
	    "'b') end,\n"
	    "  gsub = function() return bounded.gsub(text, ('a?'):rep(40) .. "
	    "('a'):rep(40) .. 'b', '') end,\n"
	    "  gmatch = function() return bounded.gmatch(text, evil)() end,\n"
	    "} do\n"
	    "  local ok, err = pcall(call)\n"
	    "  assert(not ok and err:find(want, 1, true), name .. ': ' .. "
	    "tostring(err))\n"
	    "end\n"
	    "assert(bounded.find(text, 'a-b') == nil)\n");
}

static void raise_late(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	luaL_error(L, "late");
}

static void test_lmatch__much_work_is_shown_to_the_hook(void **state)
{
	lua_State *L = *state;

	/* So rarely that only the matcher itself can call it. */
	lua_sethook(L, raise_late, LUA_MASKCOUNT, 1000000000);
	run(L, "assert(pcall(bounded.find, 'abc', 'c'))\n"
	       "local ok, err = pcall(bounded.find, ('a'):rep(20000), 'b')\n"
	       "assert(not ok and err == 'late', err)\n"
	       "ok, err = pcall(bounded.gsub, ('a'):rep(20000), 'b', 'c')\n"
	       "assert(not ok and err == 'late', err)\n");
	lua_sethook(L, NULL, 0, 0);
}

#define lua_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	lua_test(test_lmatch__each_item_does_what_luas_does),
	lua_test(test_lmatch__thousands_of_patterns_by_chance),
	lua_test(test_lmatch__noise_for_a_pattern_does_no_harm),
	lua_test(test_lmatch__what_is_wrong_with_a_pattern_is_said),
	lua_test(test_lmatch__replacements_are_luas),
	lua_test(test_lmatch__a_pattern_that_explodes_is_ended),
	lua_test(test_lmatch__much_work_is_shown_to_the_hook),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
