import type { MailboxId, MessageId, ModSeq, Uid } from '../ids.ts'
import { trashedFrom } from './holding.ts'
import type { JournalIndex } from './journal-index.ts'
import { formOf } from './maildrop-rows.ts'
import type { JournalRecord, MessageRecord } from './record.ts'
import type { BodyPlace } from './segment.ts'
import type { SettledRecord } from './settled-record.ts'
import { applyRecord } from './sqlite-apply.ts'
import { nowhere } from './sqlite-bodies.ts'
import * as rows from './sqlite-rows.ts'
import { SqliteView } from './sqlite-view.ts'

export { nowhere } from './sqlite-bodies.ts'

/** `index.sqlite` as the sum of the journal: what is added to it is added by `apply`, and kept by `keepState`. */
export class SqliteIndex extends SqliteView implements JournalIndex<BodyPlace> {
  /** What was applied since `beginGroup`, and what the state was then. */
  #group:
    | {
        readonly modseq: ModSeq
        readonly nextMessage: number
        readonly quota: number | undefined
        readonly applied: [JournalRecord, BodyPlace | undefined][]
      }
    | undefined

  override attend(): void {
    super.attend()
    this.#group = undefined
  }

  /** Puts the state into the file; call it before the transaction is committed. */
  keepState(): void {
    this.counts.keep()
    const set = 'seal = ?, segment = ?, tail = ?, modseq = ?, next_message = ?, quota = ?'
    const { seal, segment, tail, modseq } = this
    this.sql.run(`update state set ${set}`, seal, segment, tail, modseq, this.next, this.allowed ?? null)
  }

  /** Begins a group of attempts, in the transaction that is open. */
  beginGroup(): void {
    this.sql.run('savepoint attempts')
    this.#group = { modseq: this.modseq, nextMessage: this.next, quota: this.allowed, applied: [] }
  }

  /**
   * Runs `work`; when it throws, takes back what it applied. That is rare, so it is what costs: everything since `beginGroup` is
   * rolled back, and what the attempts before this one applied is applied again. The others pay for no savepoint of their own.
   */
  attempt<T>(work: () => T): T {
    const group = this.#group
    const before = group?.applied.length ?? 0
    try {
      return work()
    } catch (error) {
      if (group === undefined || group.applied.length === before) throw error
      this.sql.run('rollback to attempts')
      this.modseq = group.modseq
      this.next = group.nextMessage
      this.allowed = group.quota
      this.forget()
      for (const [record, body] of group.applied.splice(0).slice(0, before)) this.apply(record, body)
      throw error
    }
  }

  apply(record: JournalRecord, body?: BodyPlace): void {
    this.#group?.applied.push([record, body])
    this.modseq = record.modseq
    switch (record.t) {
      case 'mailbox':
        this.counts.add(record)
        break
      case 'message':
        this.#add(record, body)
        break
      case 'move':
        this.#enterFrom(record.id, record.mailbox, record.uid)
        this.sql.run(
          'update messages set modseq = ?, mailbox = ?, uid = ?, trashed = ?, trashed_from = ? where id = ?',
          record.modseq,
          record.mailbox,
          record.uid,
          record.trashed ?? null,
          trashedFrom(record) ?? null,
          record.id,
        )
        this.legal.reach(record.id, { mailbox: this.counts.get(record.mailbox)?.name })
        break
      case 'remove':
        this.counts.leave(record.id)
        this.sql.run('delete from messages where id = ?', record.id)
        this.sql.run('delete from device_hidden where message = ?', record.id)
        this.sql.run('delete from held where message = ?', record.id)
        this.sql.run('insert or replace into removed values (?, ?)', record.id, record.modseq)
        break
      case 'hold':
      case 'release':
        this.legal.apply(record, this.counts.all())
        break
      case 'quota':
        this.allowed = record.octets
        break
      case 'know':
        applyRecord(this.sql, this.ways, record)
        if (record.message !== undefined) this.legal.reach(record.message, { account: record.account })
        break
      case 'flags':
      case 'hide':
      case 'device':
      case 'device-hide':
      case 'device-remove':
      case 'relist':
      case 'trouble':
        applyRecord(this.sql, this.ways, record)
    }
  }

  /** Takes in what a settled segment says beside the journal. `run`: where the run of its batch begins. */
  applySettled(record: SettledRecord, run: number | undefined): void {
    switch (record.t) {
      case 'run':
        if (run !== undefined) this.settled.addRun(record, this.segment, run)
        break
      case 'part':
        if (run !== undefined) this.settled.addPart(record, this.segment, run)
        break
      case 'kept':
        if (run !== undefined) this.settled.addBody(record, this.segment, run)
        break
      case 'gone':
        this.modseq = record.modseq
        this.settled.addGone(record)
        this.counts.pass(record.mailbox, record.uid)
        this.next = Math.max(this.next, record.id + 1)
        break
      case 'end':
        break
    }
  }

  /** Messages whose octets no segment has; they are taken out, as if they had never been. */
  dropPlaceless(): MessageId[] {
    const sql = 'select id from messages where body in (select id from kept_bodies where segment = ?)'
    const found = this.sql.arrays(sql, nowhere.segment).map(rows.messageId)
    for (const id of found) {
      this.counts.leave(id)
      this.sql.run('delete from messages where id = ?', id)
    }
    this.bodies.leavePlaceless()
    return found
  }

  #enterFrom(id: MessageId, mailbox: MailboxId, uid: Uid): void {
    const size = this.counts.leave(id)
    // Of a message that is gone since, a settled segment says nothing but this.
    if (size === undefined) this.counts.pass(mailbox, uid)
    else this.counts.enter(mailbox, uid, size)
  }

  #add(record: MessageRecord, body: BodyPlace | undefined): void {
    const bodyId = this.bodies.put(record.hash, body)
    const { id, mailbox, uid, modseq, uniqueId, hash, size, octets, received, stored, origin } = record
    const { dots = true, surrogate, lineEnds, crc } = record
    this.sql.run(
      'insert into messages values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, null, ?, null)',
      id,
      mailbox,
      uid,
      modseq,
      modseq,
      uniqueId,
      size,
      octets,
      formOf({ dots, surrogate, lineEnds }),
      received,
      record.flags.join(' '),
      bodyId,
      stored,
      crc ?? null,
      surrogate ?? null,
    )
    this.counts.enter(mailbox, uid, octets)
    this.legal.reach(id, { mailbox: this.counts.get(mailbox)?.name, account: origin?.account })
    this.next = Math.max(this.next, id + 1)
    if (origin !== undefined) this.ways.add(origin, { hash, size, stored, message: id }, bodyId)
  }
}
