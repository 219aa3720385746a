/* date.c - the dates of HTTP's headers. See date.h. Nothing here depends on a locale or a time zone, or allocates. */
#include "date.h"

#include <stdio.h>
#include <string.h>

#define LONGEST 40 /* bytes: "Wednesday, 09-Nov-94 08:49:37 GMT", and some */

/* Days from 1970-01-01 to a date of the Gregorian calendar: years begin in March here, so that a leap day is their last. */
static long days_since_1970(int year, int month, int day) {
  long y = month > 2 ? year : year - 1, era = y / 400, of_era = y % 400;
  long of_year = (153L * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* 1 to 12, or 0. */
static int month_of(const char *name) {
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const char *found = strlen(name) == 3 ? strstr(names, name) : NULL;
  return found != NULL && (found - names) % 3 == 0 ? (int)(found - names) / 3 + 1 : 0;
}

double aicc_date_read(const char *text, size_t size) {
  char copy[LONGEST + 1], name[4] = "", zone[4] = "";
  int day = 0, year = 0, hour = 24, minute = 0, second = 0, end = 0;
  if (size > LONGEST || memchr(text, '\0', size) != NULL) return -1;
  memcpy(copy, text, size);
  copy[size] = '\0';
  const char *comma = strchr(copy, ','); /* the day of the week says nothing new */
  if (comma == NULL) {
    sscanf(copy, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", name, &day, &hour, &minute, &second, &year, &end);
    if (copy[end] == '\0') strcpy(zone, "GMT");
  } else {
    sscanf(comma, ", %2d%*1[ -]%3[A-Za-z]%*1[ -]%4d %2d:%2d:%2d %3[A-Z]%n", &day, name, &year, &hour, &minute, &second, zone,
           &end);
    if (comma[end] != '\0') return -1;
  }
  if (end == 0 || (strcmp(zone, "GMT") != 0 && strcmp(zone, "UTC") != 0)) return -1;
  if (year < 100) year += year < 70 ? 2000 : 1900;
  int month = month_of(name);
  if (month == 0 || day < 1 || day > 31 || year < 1970 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60)
    return -1;
  return (double)days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}
