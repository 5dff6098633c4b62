import { baseSubject } from './base-subject.ts'

/** What must be known of a message to put it into a thread. */
export interface Threadable {
  /** As `messageIdOf` gives it. */
  readonly messageId: string | undefined
  /** As `referencesOf` gives them. */
  readonly references: readonly string[]
  /** With its encoded words decoded. */
  readonly subject: string
  /** When it was sent (RFC 5256 §2.2), milliseconds since 1970. */
  readonly date: number
}

/** A message and those that answer it. */
export interface Thread<M> {
  /** Undefined: several messages belong together, and the one that they answer is not there. Only at the top. */
  readonly message: M | undefined
  readonly children: readonly Thread<M>[]
}

/** A message, or (RFC 5256: dummy) one that is only known because others name it. */
class Node<M extends Threadable> implements Thread<M> {
  message: M | undefined
  children: Node<M>[] = []
  /** The message's place among all. */
  order = Infinity
  parent: Node<M> | undefined
  /** Whether any has been its child: one that has none cannot close a loop. */
  hadChildren = false
  /** Of a dummy: what it hangs below once dummies are gone. */
  above: Node<M> | undefined
}

/**
 * The threads of these messages, in the mailbox's order, by the algorithm REFERENCES (RFC 5256 §3), the oldest first. Calls are not
 * nested however long a thread is.
 */
export function threadsOf<M extends Threadable>(messages: readonly M[]): Thread<M>[] {
  const roots = withoutDummies(linked(messages))
  for (const root of roots) if (root.message === undefined) root.children.sort(byDate)
  roots.sort(byDate)
  const gathered = gatherSubjects(roots)
  for (const node of all(gathered)) node.children.sort(byDate)
  return gathered.sort(byDate)
}

/** The messages of a thread in the order to show them, and how deep each stands. */
export function* messagesIn<M>(thread: Thread<M>): Iterable<{ message: M; depth: number }> {
  const waiting: { node: Thread<M>; depth: number }[] = [{ node: thread, depth: 0 }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, depth } = next
    if (node.message !== undefined) yield { message: node.message, depth }
    const below = node.message === undefined ? depth : depth + 1
    for (const child of node.children.toReversed()) waiting.push({ node: child, depth: below })
  }
}

/** RFC 5256 §3 (1): every message and every one that is named, joined to its parent. */
function linked<M extends Threadable>(messages: readonly M[]): Node<M>[] {
  const nodes: Node<M>[] = []
  const byId = new Map<string, Node<M>>()
  const made = (id: string | undefined): Node<M> => {
    const node = new Node<M>()
    nodes.push(node)
    if (id !== undefined) byId.set(id, node)
    return node
  }
  const named = (id: string): Node<M> => byId.get(id) ?? made(id)
  for (const [order, message] of messages.entries()) {
    let parent: Node<M> | undefined
    for (const reference of message.references) {
      const child = named(reference)
      // (A): a link that is there stays.
      if (parent !== undefined && child.parent === undefined) link(parent, child)
      parent = child
    }
    // An id that another message has already is none of this one's.
    const known = message.messageId === undefined ? undefined : byId.get(message.messageId)
    const node = known === undefined ? made(message.messageId) : known.message === undefined ? known : made(undefined)
    node.message = message
    node.order = order
    // (B): the last reference is believed more than what others said.
    node.parent = undefined
    if (parent !== undefined) link(parent, node)
  }
  return nodes
}

/** Makes one the parent of the other, unless that would close a loop. */
function link<M extends Threadable>(parent: Node<M>, child: Node<M>): void {
  if (parent === child) return
  if (child.hadChildren) {
    for (let above = parent.parent; above !== undefined; above = above.parent) if (above === child) return
  }
  child.parent = parent
  parent.hadChildren = true
}

/** RFC 5256 §3 (2) and (3): what is at the top, once dummies with nothing or with one message below them are gone. */
function withoutDummies<M extends Threadable>(nodes: readonly Node<M>[]): Node<M>[] {
  const roots: Node<M>[] = []
  const dummies = new Set<Node<M>>()
  for (const node of nodes) {
    if (node.message === undefined) continue
    const parent = node.parent && aboveDummies(node.parent)
    node.parent = parent
    if (parent === undefined) roots.push(node)
    else parent.children.push(node)
    if (parent !== undefined && parent.message === undefined) dummies.add(parent)
  }
  for (const dummy of dummies) {
    const [only] = dummy.children
    if (only !== undefined && dummy.children.length === 1) {
      only.parent = undefined
      roots.push(only)
    } else roots.push(dummy)
  }
  return roots
}

/** The message that this one is or hangs below, or the topmost dummy where there is none. */
function aboveDummies<M extends Threadable>(from: Node<M>): Node<M> {
  const passed: Node<M>[] = []
  let at = from
  while (at.message === undefined) {
    const next: Node<M> | undefined = at.above ?? at.parent
    if (next === undefined || next === at) break
    passed.push(at)
    at = next
  }
  for (const dummy of passed) dummy.above = at
  return at
}

/** RFC 5256 §3 (5): threads of the same subject are one. */
function gatherSubjects<M extends Threadable>(roots: readonly Node<M>[]): Node<M>[] {
  const table = new Map<string, Node<M>>()
  const subjects = new Map<Node<M>, { readonly key: string; readonly isReply: boolean }>()
  for (const root of roots) {
    const { base, isReply } = baseSubject((root.message ?? root.children[0]?.message)?.subject ?? '')
    const key = base.normalize('NFKC').toLowerCase()
    subjects.set(root, { key, isReply: isReply && root.message !== undefined })
    if (key === '') continue
    const known = table.get(key)
    const replaces =
      known === undefined ||
      (known.message !== undefined &&
        (root.message === undefined || (subjects.get(known)?.isReply === true && !isReply)))
    if (replaces) table.set(key, root)
  }
  const gone = new Set<Node<M>>()
  const made: Node<M>[] = []
  for (const root of roots) {
    const { key, isReply } = subjects.get(root) ?? { key: '', isReply: false }
    const first = table.get(key)
    if (first === undefined || first === root || gone.has(root)) continue
    gone.add(root)
    if (first.message === undefined) {
      if (root.message === undefined) for (const child of root.children) adopt(first, child)
      else adopt(first, root)
    } else if (isReply && subjects.get(first)?.isReply !== true) adopt(first, root)
    else {
      const dummy = new Node<M>()
      adopt(dummy, first)
      adopt(dummy, root)
      gone.add(first)
      made.push(dummy)
      table.set(key, dummy)
    }
  }
  return [...roots.filter((root) => !gone.has(root)), ...made]
}

function adopt<M extends Threadable>(parent: Node<M>, child: Node<M>): void {
  parent.children.push(child)
  child.parent = parent
}

function all<M extends Threadable>(roots: readonly Node<M>[]): Node<M>[] {
  const found = [...roots]
  for (let at = 0; at < found.length; at++) for (const child of found[at]?.children ?? []) found.push(child)
  return found
}

/** RFC 5256 §2.2: of the same moment, the one that comes first in the mailbox; of a dummy its first child counts. */
function byDate<M extends Threadable>(a: Node<M>, b: Node<M>): number {
  const [one, other] = [first(a), first(b)]
  return (one.message?.date ?? 0) - (other.message?.date ?? 0) || one.order - other.order
}

/** Of a dummy, whose children are sorted before it is, its first child. */
function first<M extends Threadable>(node: Node<M>): Node<M> {
  return node.message === undefined ? (node.children[0] ?? node) : node
}
