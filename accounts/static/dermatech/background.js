/* Asks once a second how far a job is, moves the bar, and goes on when it is over. */
(() => {
  const EVERY = 1000;
  const place = document.querySelector("[data-job]");
  const said = place.querySelector("[data-job-said]");
  const bar = place.querySelector("[data-job-bar]");

  function show(told) {
    if (said.textContent !== told.said) said.textContent = told.said;
    if (told.total && !told.final) {
      bar.max = told.total;
      bar.value = told.done;
    } else {
      bar.removeAttribute("value");
    }
    const callOff = place.querySelector("[data-job-call-off]");
    if (callOff && told.final) callOff.remove();
  }

  async function look() {
    try {
      const answer = await fetch(place.dataset.job, {headers: {Accept: "application/json"}});
      if (!answer.ok || answer.redirected) return location.reload(); // signed out meanwhile
      const told = await answer.json();
      if (!told.live) {
        if (told.onward) return location.replace(told.onward);
        return location.reload();
      }
      show(told);
    } catch {
      said.textContent = "The service does not answer just now. Trying again.";
    }
    setTimeout(look, EVERY);
  }

  setTimeout(look, EVERY);
})();
