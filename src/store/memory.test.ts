import { storeContract } from './contract.ts'
import { MemoryStore } from './memory.ts'

storeContract('the memory store', () => Promise.resolve({ store: new MemoryStore(), end: () => Promise.resolve() }))
