/*
** inquiry.h - the replies to two questions: in which queues is an agent, and which queues are there.
**
** What nobody here needs is not kept: a reply about a person has their telephone number and address in it. (A queue's listing of
** agents keeps every field: shape.h.) Every function may raise; nothing is held on the C stack meanwhile.
*/
#ifndef AICC_INQUIRY_H
#define AICC_INQUIRY_H

#include "compat.h"

/*
** Makes the reply on top `resultCode`, `resultMessage`, and `data`, an array of agents, empty where there is none: `userAccount`,
** `userName`, `agentType`, `workNo`, and `skills`, an array of `skillId`, `agentWeight`, `skillWeight`, each queue once; nil
** where the reply has no such field. Returns NULL, or what the reply lacks.
*/
const char *aicc_inquiry_agent(lua_State *L);

/*
** Makes the reply on top `returnCode`, `description`, `count`, and `data`, an array of queues: `skillId`, `name`, `mediaTypeId`,
** `description`. Returns NULL, or what the reply lacks.
*/
const char *aicc_inquiry_queues(lua_State *L);

#endif
