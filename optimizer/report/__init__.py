"""Reports of a plan: one offline page, one workbook."""
