include %D%/pdc/local.mk
include %D%/pdc-serve/local.mk
