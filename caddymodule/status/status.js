"use strict";
(() => {
	const period = Number(document.documentElement.dataset.refresh) * 1000;
	const button = document.getElementById("pause");
	const notice = document.getElementById("notice");
	let paused = false;
	let timer = 0;
	let running = false;

	function say(text, wrong) {
		if (notice.textContent !== text) {
			notice.textContent = text;
			notice.classList.toggle("wrong", wrong);
		}
	}

	// Parts that did not change stay as they are, and so does one in which somebody marks text. What is open stays open, and keeps the focus.
	function renew(part, fresh) {
		const selection = getSelection();
		if (!selection.isCollapsed && part.contains(selection.anchorNode)) {
			return;
		}
		for (const open of part.querySelectorAll("details[open]")) {
			const same = fresh.querySelector("#" + CSS.escape(open.id));
			if (same) {
				same.open = true;
			}
		}
		if (part.innerHTML === fresh.innerHTML) {
			return;
		}
		const holder = part.contains(document.activeElement) ? document.activeElement.closest("[id]") : null;
		part.replaceChildren(...fresh.childNodes);
		if (holder && holder !== part) {
			const again = document.getElementById(holder.id);
			(again?.querySelector("summary") ?? again)?.focus({ preventScroll: true });
		}
	}

	async function update() {
		if (running) {
			return;
		}
		running = true;
		clearTimeout(timer);
		try {
			const answer = await fetch(location.href, { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(10000) });
			if (!answer.ok) {
				throw new Error("status " + answer.status);
			}
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			const parts = page.querySelectorAll("[data-part]");
			if (parts.length === 0) {
				throw new Error("another page");
			}
			for (const fresh of parts) {
				const part = document.getElementById(fresh.id);
				if (part) {
					renew(part, fresh);
				}
			}
			if (!paused) {
				say("Live", false);
			}
		} catch {
			say("Not up to date: the server does not answer. Trying again.", true);
		}
		running = false;
		schedule();
	}

	function schedule() {
		clearTimeout(timer);
		if (!paused && !document.hidden) {
			timer = setTimeout(update, period);
		}
	}

	button.addEventListener("click", () => {
		paused = !paused;
		button.textContent = paused ? "Resume" : "Pause";
		say(paused ? "Paused" : "Live", false);
		if (paused) {
			clearTimeout(timer);
		} else {
			update();
		}
	});
	document.addEventListener("visibilitychange", () => {
		if (document.hidden) {
			clearTimeout(timer);
		} else if (!paused) {
			update();
		}
	});
	button.hidden = false;
	say("Live", false);
	schedule();
})();
