-- SPDX-License-Identifier: MIT
-- sbom.lua - writes the SPDX 2.3 document of `make audit` from what audit.sh
-- has found out; with --list: prints names and versions.
--
--   lua5.4 scripts/dev/sbom.lua FACTS TABLE [SECONDS] > vmoon.spdx.json
--   lua5.4 scripts/dev/sbom.lua --list FACTS TABLE

-- SPDX has no short name for it.
local LICENSES = {
  ["LicenseRef-liblzma"] = "liblzma is in the public domain before version 5.6.0, "
    .. "and under the BSD Zero Clause License (0BSD) since.",
}

local function read_lines(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

-- ---- input ----

local function read_facts(path)
  local facts = { links = {}, files = {}, libraries = {}, distro = "", distro_version = "" }
  for _, line in ipairs(read_lines(path)) do
    local words = {}
    for word in line:gmatch "%S+" do words[#words + 1] = word end
    local kind, name = words[1], words[2]
    if kind == "link" then
      facts.links[#facts.links + 1] = { from = name, to = words[3] }
    elseif kind == "file" then
      facts.files[#facts.files + 1] = { name = name, path = words[3], sum = words[4] }
    elseif kind == "deb" then
      facts.libraries[name] = { package = words[3], version = words[4], arch = words[5], source = words[6] }
    elseif kind == "version" then
      facts.libraries[name] = { version = words[3] }
    elseif kind == "distro" then
      facts.distro, facts.distro_version = name or "", words[3] or ""
    elseif kind == "vmoon" then
      facts.version = name
    else
      error("unknown fact: " .. line)
    end
  end
  return facts
end

-- The rows of dependencies.txt of what is linked, but for vmoon's own.
local function read_table(path, facts)
  local rows = {}
  for _, line in ipairs(read_lines(path)) do
    local row = {}
    for cell in (line .. "|"):gmatch "%s*(.-)%s*|" do row[#row + 1] = cell end
    local library = facts.libraries[row[1]]
    if library then
      rows[#rows + 1] = { soname = row[1], name = row[2], license = row[3], reason = row[6], library = library }
    end
  end
  table.sort(rows, function(a, b) return a.soname < b.soname end)
  return rows
end

-- ---- output ----

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

-- Objects are lists of { key, value }: their order is ours.
local function write(value, indent)
  if type(value) == "string" then return quote(value) end
  if type(value) == "boolean" then return tostring(value) end
  local deeper, lines = indent .. "  ", {}
  for i, item in ipairs(value) do
    lines[i] = deeper
      .. (value.is_list and write(item, deeper) or quote(item[1]) .. ": " .. write(item[2], deeper))
  end
  local open, close = "{", "}"
  if value.is_list then open, close = "[", "]" end
  return open .. "\n" .. table.concat(lines, ",\n") .. "\n" .. indent .. close
end

local function list(items)
  items.is_list = true
  return items
end

local function id_of(name) return "SPDXRef-" .. name:gsub("[^%w.-]", "-") end

local function escape(text)
  return (text:gsub("[^%w.~_-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- What scanners look a Debian package up by.
local function package_url(row, facts)
  local library = row.library
  local url = ("pkg:deb/%s/%s@%s?arch=%s"):format(escape(facts.distro), escape(library.package),
    escape(library.version), escape(library.arch))
  if facts.distro_version ~= "" then
    url = url .. ("&distro=%s-%s"):format(escape(facts.distro), escape(facts.distro_version))
  end
  return url .. "&upstream=" .. escape(library.source)
end

local function own_package(name, version, more)
  local package = {
    { "SPDXID", id_of(name) },
    { "name", name },
    { "versionInfo", version },
    { "downloadLocation", "NOASSERTION" },
    { "filesAnalyzed", false },
    { "licenseConcluded", "MIT" },
    { "licenseDeclared", "MIT" },
    { "copyrightText", "NOASSERTION" },
  }
  for _, field in ipairs(more) do package[#package + 1] = field end
  return package
end

local function library_package(row, facts)
  local library = row.library
  local package = {
    { "SPDXID", id_of(row.soname) },
    { "name", library.package or row.name },
    { "versionInfo", library.version },
    { "packageFileName", row.soname },
    { "downloadLocation", "NOASSERTION" },
    { "filesAnalyzed", false },
    { "licenseConcluded", "NOASSERTION" },
    { "licenseDeclared", row.license },
    { "copyrightText", "NOASSERTION" },
    { "comment", row.reason },
  }
  if library.version == "NOASSERTION" then table.remove(package, 3) end
  if library.package and facts.distro ~= "" then
    package[#package + 1] = { "externalRefs", list { {
      { "referenceCategory", "PACKAGE-MANAGER" },
      { "referenceType", "purl" },
      { "referenceLocator", package_url(row, facts) },
    } } }
  end
  return package
end

local function relationship(from, kind, to)
  return { { "spdxElementId", from }, { "relationshipType", kind }, { "relatedSpdxElement", to } }
end

local function document(facts, rows, seconds)
  local root = "SPDXRef-Package-vmoon"
  local packages = list { own_package("vmoon", facts.version, { { "primaryPackagePurpose", "LIBRARY" } }) }
  packages[1][1][2] = root -- the command has the same name
  local relations = list { relationship("SPDXRef-DOCUMENT", "DESCRIBES", root) }
  local licenses = list {}
  for _, file in ipairs(facts.files) do
    packages[#packages + 1] = own_package(file.name, facts.version, {
      { "packageFileName", file.path },
      { "checksums", list { { { "algorithm", "SHA256" }, { "checksumValue", file.sum } } } },
      { "primaryPackagePurpose", file.path:find "^bin/" and "APPLICATION" or "LIBRARY" },
    })
    relations[#relations + 1] = relationship(root, "CONTAINS", id_of(file.name))
  end
  for _, row in ipairs(rows) do
    packages[#packages + 1] = library_package(row, facts)
    if LICENSES[row.license] then
      licenses[#licenses + 1] = { { "licenseId", row.license }, { "extractedText", LICENSES[row.license] } }
    end
  end
  for _, link in ipairs(facts.links) do
    relations[#relations + 1] = relationship(id_of(link.from), "DYNAMIC_LINK", id_of(link.to))
  end
  local result = {
    { "spdxVersion", "SPDX-2.3" },
    { "dataLicense", "CC0-1.0" },
    { "SPDXID", "SPDXRef-DOCUMENT" },
    { "name", "vmoon-" .. facts.version },
    { "documentNamespace", "urn:uuid:@UUID@" },
    { "creationInfo", {
      { "created", os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) },
      { "creators", list { "Tool: vmoon-audit-" .. facts.version } },
    } },
    { "packages", packages },
    { "relationships", relations },
  }
  if #licenses > 0 then table.insert(result, 7, { "hasExtractedLicensingInfos", licenses }) end
  return result
end

local function print_list(facts, rows)
  print(("%-18s %-28s %s"):format("vmoon", facts.version, "MIT"))
  for _, row in ipairs(rows) do
    local library = row.library
    local version = library.package and ("%s (%s)"):format(library.version, library.package) or library.version
    print(("%-18s %-28s %s"):format(row.soname, version, row.license))
  end
end

local is_list = arg[1] == "--list"
if is_list then table.remove(arg, 1) end
local facts = read_facts(arg[1])
local rows = read_table(arg[2], facts)
if is_list then
  print_list(facts, rows)
else
  print(write(document(facts, rows, math.tointeger(arg[3]) or os.time()), ""))
end
