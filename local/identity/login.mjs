// The page that asks a sample human for name and password. It works without scripts, with a keyboard and a screen reader.

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escape = (text) => String(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);

export function loginPage({ uid, client, wrong }) {
  const error = wrong ? '<p role="alert" id="error">The name or the password is wrong. Try again.</p>' : "";
  const described = wrong ? ' aria-describedby="error" aria-invalid="true"' : "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in - Jitney on this machine</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 10vh auto; max-width: 22rem; padding: 0 1rem }
  label { display: block; margin-top: 1rem }
  input, button { font: inherit; box-sizing: border-box; width: 100%; padding: .5rem; border: 1px solid #595959; border-radius: .25rem }
  button { margin-top: 1.5rem; color: #fff; background: #0b5394; border-color: #0b5394; cursor: pointer }
  :focus-visible { outline: 3px solid #b45309; outline-offset: 2px }
  [role=alert] { color: #a40000 }
</style>
</head>
<body>
<main>
<h1>Sign in</h1>
<p>to continue to <strong>${escape(client)}</strong>. The sample people and their passwords are in <code>.local/stack.json</code>, under <code>humans</code>.</p>
${error}
<form method="post" action="/interaction/${escape(uid)}">
<label for="username">Name</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" required autofocus${described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${described}>
<button>Sign in</button>
</form>
</main>
</body>
</html>
`;
}
