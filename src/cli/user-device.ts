import { notExpired } from '../doors/serve-pop3-maildrops.ts'
import { MisuseError } from '../errors.ts'
import { dateText, plural } from './amounts.ts'
import { existing } from './choose-user.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { withDirectory, withStore } from './open.ts'
import { mustHaveDevice, namedMaildrop } from './user-maildrop.ts'

/** `postino user device list NAME` */
export function listDevices(context: Context, name: string): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const user = existing(directory, name)
    const storedFrom = notExpired(directory.settings(user), Date.now())
    return await withStore(context, async (store): Promise<ExitCode> => {
      const mail = await store.open(user)
      const devices = await mail.read((view) =>
        view.devices().map((device) => ({ ...device, messages: view.maildrop(device.name, storedFrom).count })),
      )
      for (const { name: device, created, messages, hidden } of devices) {
        if (context.json)
          await context.output.json({ user, device, created: new Date(created).toISOString(), messages, hidden })
        else {
          const amounts = `${plural(messages, 'message')}, ${hidden} deleted`
          await context.output.line(`${user}+${device}  since ${dateText(created)}  ${amounts}`)
        }
      }
      if (devices.length === 0)
        context.notes.note(`${user} has no devices: whoever logs in as ${user}+phone makes one called phone`)
      return 0
    })
  })
}

/** `postino user device remove NAME+DEVICE` */
export function removeDevice(context: Context, name: string): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const { user, device } = namedMaildrop(directory, name)
    if (device === undefined) throw new MisuseError('usage', `say which device: ${user}+DEVICE`)
    return await withStore(context, async (store): Promise<ExitCode> => {
      const mail = await store.open(user)
      await mustHaveDevice(mail, device)
      await mail.change((draft) => draft.removeDevice(device))
      if (context.json) await context.output.json({ user, device })
      else await context.output.line(`removed the device ${name}; its mail stays`)
      return 0
    })
  })
}
