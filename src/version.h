/* version.h - the version, which User-Agent and aicc._VERSION tell. The rockspecs and CHANGELOG.md name it too. */
#ifndef AICC_VERSION
#define AICC_VERSION "0.1.0"
#endif
