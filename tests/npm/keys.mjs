// Prints the keys that the TypeScript client gives between pairs. Argument: the pairs as JSON, null is an end.
import { between } from '../../clients/typescript/dist/order.js';

console.log(JSON.stringify(JSON.parse(process.argv[2]).map(([before, after]) => between(before, after))));
