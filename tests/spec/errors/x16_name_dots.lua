-- SPDX-License-Identifier: MIT
return { kernel = "kernel", name = "../../etc" }
