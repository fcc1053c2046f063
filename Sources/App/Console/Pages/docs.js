// The documentation page: Swagger UI on our own document, and a login that authorises its requests. Tokens live in this
// page's memory only; they are gone with the tab.
"use strict";

// Dark where the browser is, if this Swagger UI can be.
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const canBeDark = [...document.styleSheets].some((sheet) =>
  sheet.href.endsWith("/swagger-ui.css") && [...sheet.cssRules].some((rule) => rule.selectorText?.startsWith("html.dark-mode")));
const colour = () => document.documentElement.classList.toggle("dark-mode", canBeDark && prefersDark.matches);
prefersDark.addEventListener("change", colour);
colour();

const ui = SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});

const scheme = "bearerToken";
const form = document.getElementById("login");
const session = document.getElementById("session");
const message = document.getElementById("message");
let tokens = null;
let refreshTimer = null;

/** Posts JSON. Resolves to the answer's object, or null for none; rejects with the refusal's sentence. */
async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  if (tokens) headers.Authorization = "Bearer " + tokens.access_token;
  const answer = await fetch(path, { method: "POST", headers, body: body && JSON.stringify(body) });
  const json = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(json.details ? `${json.message} (${json.details})` : json.message);
  return json;
}

function begin(answer) {
  tokens = answer;
  ui.preauthorizeApiKey(scheme, answer.access_token);
  session.firstElementChild.textContent = `${answer.user.username} (${answer.user.role})`;
  session.hidden = false;
  form.hidden = true;
  message.textContent = "";
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(refresh, answer.expires_in * 800);
}

function end(why) {
  clearTimeout(refreshTimer);
  tokens = null;
  ui.authActions.logout([scheme]);
  session.hidden = true;
  form.hidden = false;
  message.textContent = why;
}

async function refresh() {
  try {
    begin(await post("/api/v1/auth/refresh", { refresh_token: tokens.refresh_token }));
  } catch (error) {
    end(error.message);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  try {
    begin(await post("/api/v1/auth/login", Object.fromEntries(fields)));
    form.reset();
  } catch (error) {
    message.textContent = error.message;
  }
});

document.getElementById("logout").addEventListener("click", async () => {
  try {
    await post("/api/v1/auth/logout");
    end("");
  } catch (error) {
    end(error.message);
  }
});
