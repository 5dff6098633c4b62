/** Why this cannot be the name of a device, for a person; undefined where it can. */
export function deviceNameFault(name: string): string | undefined {
  if (name === '' || name.length > 32) return 'give 1 to 32 characters'
  if (!/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u.test(name))
    return 'give letters, digits, ".", "_" and "-", the first a letter or digit'
  return name === name.normalize('NFC') ? undefined : 'give it in Unicode form NFC'
}
