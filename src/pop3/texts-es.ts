import type { Texts } from './texts.ts'

const messages = (count: number): string => (count === 1 ? '1 mensaje' : `${count} mensajes`)
const octets = (count: number): string => (count === 1 ? '1 octeto' : `${count} octetos`)
const time = (seconds: number): string => {
  if (seconds < 120) return seconds === 1 ? '1 segundo' : `${seconds} segundos`
  return seconds < 7200 ? `${Math.round(seconds / 60)} minutos` : `${Math.round(seconds / 3600)} horas`
}

export const spanish: Texts = {
  tag: 'es',
  name: 'Español',

  ready: 'Postino está listo',
  bye: 'hasta la vista',
  byeRemoved: (count) => `hasta la vista, ${count === 1 ? '1 mensaje eliminado' : `${count} mensajes eliminados`}`,
  count: (all, size) => `${messages(all)} (${octets(size)})`,
  maildropHas: (all, size) => `el buzón tiene ${messages(all)} (${octets(size)})`,
  octets,
  topFollows: 'aquí está el principio del mensaje',
  marked: (number) => `mensaje ${number} marcado para eliminar`,

  unknownCommand: 'orden desconocida',
  commandTooLong: 'una orden puede tener 255 octetos como máximo',
  lineWithoutEnd: 'la línea no tiene fin',
  writeItSo: (usage) => `se escribe así: ${usage}`,
  needsLogIn: (verb) => `antes de ${verb} hay que iniciar sesión`,
  comesBeforeLogIn: (verb) => `${verb} va antes de iniciar sesión`,
  notOffered: (verb) => `${verb} no está disponible aquí`,
  noNumber: 'el número de un mensaje es un entero a partir de 1',
  noLineCount: 'el número de líneas no es un entero',
  noSuchMessage: (all) => `ese mensaje no existe, el buzón tiene ${messages(all)}`,
  markedAlready: (number) => `el mensaje ${number} está marcado para eliminar`,

  capabilities: 'esto es lo que sabe hacer este servidor',
  languages: 'estos son los idiomas de este servidor',
  languageChosen: 'ahora las respuestas son en español',
  unknownLanguage: 'ese idioma no está disponible aquí',
  utf8On: 'UTF-8 desde ahora',

  beginTls: 'puede comenzar TLS',
  tlsAlready: 'TLS ya está activo',

  nowPassword: 'ahora la contraseña',
  userFirst: 'PASS debe ir justo después de USER',
  notUtf8: 'los nombres y las contraseñas van en UTF-8, sin caracteres de control',
  mechanisms: 'estos son los mecanismos SASL de este servidor',
  unknownMechanism: (offered) =>
    offered === ''
      ? 'ahora no se puede usar ningún mecanismo SASL'
      : `ese mecanismo SASL no existe aquí, pero sí ${offered}`,
  noInitialResponse: (mechanism) => `${mechanism} no tiene respuesta inicial`,
  badResponse: (mechanism) => `esto no es una respuesta de ${mechanism} en base64`,
  cancelled: 'AUTH cancelado',
  notForOthers: 'aquí nadie puede iniciar sesión en nombre de otro',
  noBinding: 'el enlace de canal no es el de esta conexión',

  wrongLogin: 'nombre de usuario o contraseña incorrectos',
  noClearLogin: (stls) =>
    stls ? 'la contraseña no puede ir sin cifrar: use TLS (STLS)' : 'la contraseña no puede ir sin cifrar: use TLS',
  inUse: (from, seconds) => `el buzón está abierto en otra sesión, desde ${from}, desde hace ${time(seconds)}`,
  loginDelay: (seconds) => `demasiado pronto tras el último inicio de sesión: inténtelo de nuevo en ${time(seconds)}`,
  tooManyLogIns: 'demasiados intentos fallidos: inténtelo más tarde',
  tooManySessions: 'demasiadas sesiones: inténtelo más tarde',
  needsUtf8: 'este mensaje solo se puede obtener después de UTF8',
  cannotOpen: (why) => `no se puede abrir el buzón: ${why}`,
  nothingRemoved: (why) => `no se ha eliminado nada: ${why}`,
  partlyRemoved: (done, all, why) => `solo se han eliminado ${done} de ${messages(all)}: ${why}`,
  cannotRead: (number, why) => `no se puede leer el mensaje ${number}: ${why}`,
  whyDamaged: 'está dañado aquí',
  whyGone: 'ya no está',
  whyDiskFull: 'el disco está lleno',
  whyReadOnly: 'el disco es de solo lectura',
  whyBusy: 'alguien más está escribiendo',
  whyFailed: 'el almacén ha fallado',
  whyUnknown: 'algo ha ido mal aquí',
}
