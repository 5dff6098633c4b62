/** Why this cannot be the name of a device, for a person; undefined where it can. */
export function deviceNameFault(name: string): string | undefined {
  if (name === '' || name.length > 32) return 'give 1 to 32 characters'
  return /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(name)
    ? undefined
    : 'give letters from A to Z, digits, ".", "_", "+" and "-", the first a letter or digit'
}
