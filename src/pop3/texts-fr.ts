import type { Texts } from './texts.ts'

const messages = (count: number): string => (count <= 1 ? `${count} message` : `${count} messages`)
const octets = (count: number): string => (count <= 1 ? `${count} octet` : `${count} octets`)
const time = (seconds: number): string => {
  if (seconds < 120) return seconds <= 1 ? `${seconds} seconde` : `${seconds} secondes`
  return seconds < 7200 ? `${Math.round(seconds / 60)} minutes` : `${Math.round(seconds / 3600)} heures`
}

export const french: Texts = {
  tag: 'fr',
  name: 'Français',

  ready: 'Postino est prêt',
  bye: 'au revoir',
  byeRemoved: (count) => `au revoir, ${count === 1 ? '1 message supprimé' : `${count} messages supprimés`}`,
  count: (all, size) => `${messages(all)} (${octets(size)})`,
  maildropHas: (all, size) => `la boîte contient ${messages(all)} (${octets(size)})`,
  octets,
  topFollows: 'voici le début du message',
  marked: (number) => `message ${number} marqué pour suppression`,

  unknownCommand: 'commande inconnue',
  commandTooLong: 'une commande a 255 octets au plus',
  lineWithoutEnd: 'la ligne n’a pas de fin',
  writeItSo: (usage) => `à écrire ainsi : ${usage}`,
  needsLogIn: (verb) => `il faut se connecter avant ${verb}`,
  comesBeforeLogIn: (verb) => `${verb} vient avant la connexion`,
  notOffered: (verb) => `${verb} n’est pas disponible ici`,
  noNumber: 'le numéro d’un message est un entier à partir de 1',
  noLineCount: 'le nombre de lignes n’est pas un entier',
  noSuchMessage: (all) => `ce message n’existe pas, la boîte contient ${messages(all)}`,
  markedAlready: (number) => `le message ${number} est marqué pour suppression`,

  capabilities: 'voici ce que ce serveur sait faire',
  languages: 'voici les langues de ce serveur',
  languageChosen: 'les réponses sont maintenant en français',
  unknownLanguage: 'cette langue n’est pas disponible ici',
  utf8On: 'UTF-8 à partir de maintenant',

  beginTls: 'TLS peut commencer',
  tlsAlready: 'TLS est déjà actif',

  nowPassword: 'maintenant le mot de passe',
  userFirst: 'PASS doit suivre USER immédiatement',
  notUtf8: 'les noms et les mots de passe sont en UTF-8, sans caractères de contrôle',
  mechanisms: 'voici les mécanismes SASL de ce serveur',
  unknownMechanism: (offered) =>
    offered === ''
      ? 'aucun mécanisme SASL n’est utilisable en ce moment'
      : `ce mécanisme SASL n’existe pas ici, mais il y a ${offered}`,
  noInitialResponse: (mechanism) => `${mechanism} n’a pas de réponse initiale`,
  badResponse: (mechanism) => `ce n’est pas une réponse de ${mechanism} en base64`,
  cancelled: 'AUTH annulé',
  notForOthers: 'personne ne peut se connecter ici pour quelqu’un d’autre',
  noBinding: 'la liaison au canal n’est pas celle de cette connexion',

  wrongLogin: 'nom d’utilisateur ou mot de passe incorrect',
  noClearLogin: (stls) =>
    stls ? 'pas de mot de passe en clair : utilisez TLS (STLS)' : 'pas de mot de passe en clair : utilisez TLS',
  inUse: (from, seconds) => `la boîte est ouverte dans une autre session, depuis ${from}, depuis ${time(seconds)}`,
  loginDelay: (seconds) => `trop tôt après la dernière connexion : réessayez dans ${time(seconds)}`,
  tooManyLogIns: 'trop de connexions échouées : réessayez plus tard',
  tooManySessions: 'trop de sessions : réessayez plus tard',
  needsUtf8: 'ce message ne peut être obtenu qu’après UTF8',
  cannotOpen: (why) => `impossible d’ouvrir la boîte : ${why}`,
  nothingRemoved: (why) => `rien n’a été supprimé : ${why}`,
  partlyRemoved: (done, all, why) => `seulement ${done} sur ${messages(all)} supprimés : ${why}`,
  cannotRead: (number, why) => `impossible de lire le message ${number} : ${why}`,
  whyDamaged: 'il est endommagé ici',
  whyGone: 'il n’est plus là',
  whyDiskFull: 'le disque est plein',
  whyReadOnly: 'le disque est en lecture seule',
  whyBusy: 'quelqu’un d’autre est en train d’écrire',
  whyFailed: 'le stockage est en panne',
  whyUnknown: 'quelque chose n’a pas marché ici',
}
