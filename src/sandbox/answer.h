/*
** answer.h - how an answer leaves: whole, or the broken ways that a fault asks for. Knows no Lua.
*/
#ifndef AICC_SANDBOX_ANSWER_H
#define AICC_SANDBOX_ANSWER_H

#include <microhttpd.h>

#include "request.h"

/*
** Sleeps as the reply says, then answers. Called in the connection's own thread, which may block. MHD_NO closes the
** connection. The request must live until the connection is done with it.
*/
enum MHD_Result aicc_answer_send(struct MHD_Connection *connection, struct aicc_request *request);

#endif
