// Prints the documents of the TypeScript client, with selections of its user in each of its fragments.
import { documents } from '../../clients/typescript/dist/index.js';

const more = { book: 'owner { id }', page: 'book { id }', element: 'updatedAt createdBy { id name }', image: 'url' };
console.log(JSON.stringify([...Object.values(documents()), ...Object.values(documents(more))]));
