// What is only needed where a proxy is: `connect` loads it then.
export { parseProxy, spellProxy, type ProxyAddress } from './proxy-address.ts'
export { connectByHttp } from './proxy-http.ts'
export { connectBySocks } from './proxy-socks.ts'
