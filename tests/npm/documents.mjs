// Prints the documents of the TypeScript client, with selections of its user in each of its fragments.
import { documents, RENEW } from '../../clients/typescript/dist/documents.js';

const more = {
  ...{ book: 'owner { id }', page: 'book { id }', element: 'updatedAt createdBy { id name }', image: 'url' },
  presence: 'user { isGuest }',
};
console.log(JSON.stringify([RENEW, ...Object.values(documents()), ...Object.values(documents(more))]));
