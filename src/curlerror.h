/*
** curlerror.h - a transfer that brought no reply: what kind of error that is, and what the server may have done.
*/
#ifndef AICC_CURLERROR_H
#define AICC_CURLERROR_H

#include "error.h"
#include "xfer.h"

/* Fills in the failure of a transfer that ended otherwise than by a whole reply. */
void aicc_curlerror_judge(const struct aicc_xfer *xfer, struct aicc_error *failure);

#endif
