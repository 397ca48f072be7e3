-- SPDX-License-Identifier: MIT
return { kernel = "kernel", serial = { sink = "stdout" } }
