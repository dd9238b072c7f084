// The token of a link, which is in the address alone, into the operation. What is no token of ours is not repeated.
const token = document.getElementById("token");
const operation = document.getElementById("operation");
const asked = operation.textContent;

function show() {
  const given = location.hash.slice(1);
  const isToken = /^[A-Za-z0-9_-]+$/.test(given);
  token.textContent = isToken ? given : "There is none behind the # in the address.";
  operation.textContent = isToken ? asked.replace("TOKEN", given) : asked;
}

if (token) {
  addEventListener("hashchange", show);
  show();
}
