import type { FaultGroup } from './fault.ts'
import { brokenLines, endless, hangs } from './faults-line.ts'
import { lacks, listings } from './faults-listing.ts'
import { octets } from './faults-octets.ts'
import { pipelining } from './faults-pipelining.ts'
import { refusals } from './faults-refusals.ts'
import { sizes } from './faults-size.ts'
import { tls } from './faults-tls.ts'

/** Every fault that a fetch is tried with. */
export const faultTable: readonly FaultGroup[] = [
  { title: 'The connection ends', faults: brokenLines },
  { title: 'It hangs, or drips', faults: hangs },
  { title: 'It does not end', faults: endless },
  { title: 'What it lists is wrong', faults: listings },
  { title: 'It cannot do what others can', faults: lacks },
  { title: 'What it sends is odd, or wrong', faults: octets },
  { title: 'It says no', faults: refusals },
  { title: 'TLS', faults: tls },
  { title: 'PIPELINING', faults: pipelining },
  { title: 'A great deal', faults: sizes },
]
