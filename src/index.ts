/** The public names of Postino: the store, the doors that fetch, serve, import and export, and the errors they tell. */
export * from './errors.ts'
export { pop3Code, reasonOfPop3Reply, type Reason } from './reasons.ts'
export * from './store/index.ts'
export { Intake, type Delivery, type Outcome } from './intake/intake.ts'
export {
  fetchPop3,
  tryLogIn,
  type FetchOptions,
  type FetchProgress,
  type FetchReport,
  type Remote,
} from './doors/fetch-pop3.ts'
export { Pop3Door } from './doors/serve-pop3.ts'
export { importMail } from './doors/import.ts'
export { exportMail } from './doors/export.ts'
