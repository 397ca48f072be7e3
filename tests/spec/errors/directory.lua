-- SPDX-License-Identifier: MIT
return { kernel = "folder" }
