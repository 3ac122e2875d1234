/*
 * The vpcd driver with one slot instead of two: an empty second reader of the same name costs ykman three seconds a call, and makes
 * it refuse to guess. Linked against libifdvpcd.so, whose other functions pcscd finds through it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <ifdhandler.h>
#include <stddef.h>

typedef RESPONSECODE (*get_capabilities)(DWORD, DWORD, PDWORD, PUCHAR);

RESPONSECODE IFDHGetCapabilities(DWORD lun, DWORD tag, PDWORD length, PUCHAR value) {
  if (tag == TAG_IFD_SLOTS_NUMBER && *length >= 1) {
    *length = 1;
    *value = 1;
    return IFD_SUCCESS;
  }
  get_capabilities real = (get_capabilities)dlsym(RTLD_NEXT, "IFDHGetCapabilities");
  return real == NULL ? IFD_COMMUNICATION_ERROR : real(lun, tag, length, value);
}
