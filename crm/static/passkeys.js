// Passkeys: asks the browser for one and posts what it says with the form. Forms say what they do in data-passkey:
// "add" and "use" find the server's options in #passkey-data, "login" asks for them at data-options.
(() => {
  const able = window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON;

  async function options(form) {
    if (form.dataset.passkey === "login") {
      const answer = await fetch(form.dataset.options, { headers: { "X-Requested-With": "XMLHttpRequest" } });
      if (!answer.ok) throw new Error(String(answer.status));
      return (await answer.json()).request_options;
    }
    const data = JSON.parse(document.getElementById("passkey-data").textContent);
    return data.creation_options || data.request_options;
  }

  async function credential(form) {
    const { publicKey } = await options(form);
    if (form.dataset.passkey !== "add") {
      return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
    }
    const alone = form.elements.passwordless && form.elements.passwordless.checked;
    publicKey.authenticatorSelection = {
      ...publicKey.authenticatorSelection,
      residentKey: alone ? "required" : "discouraged",
      requireResidentKey: Boolean(alone),
      userVerification: alone ? "required" : "preferred",
    };
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const status = form.querySelector("[data-passkey-status]");
    if (!able) {
      if (form.dataset.unable) status.textContent = form.dataset.unable;
      continue;
    }
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      status.textContent = "";
      try {
        const made = await credential(form);
        form.elements.credential.value = JSON.stringify(made.toJSON());
      } catch {
        status.textContent = form.dataset.failed;
        return;
      }
      form.submit();
    });
  }
})();
