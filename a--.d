-: services/io/service.h services/base/attr.h
services/base/attr.h:
