package main_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func TestTheChatOnAPhone(t *testing.T) {
	n := newNode(t).start()
	b := newBrowser(t)
	first := b.tab("nobody", n.site())
	first.looks(390, 780, "dark")
	first.waitFor("the demo users", `document.querySelectorAll(".person").length === 3`)
	first.shot("sign in")

	carol := n.device("carol").connect()
	carol.send("alice", "Are you on the road? I have a long message for you, so long that it must wrap on a phone: "+strings.Repeat("a long word ", 5)+strings.Repeat("x", 80))
	first.click("[data-account=alice]")
	first.online()
	first.unread("carol", "1")
	first.shot("list")
	fits := func(where string) {
		t.Helper()
		if got := first.eval(`document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll(".log-scroll, .list")].every(e => e.scrollWidth <= e.clientWidth)`); got != "true" {
			t.Errorf("%s is wider than the screen", where)
		}
	}
	fits("the list")
	if got := first.eval(`getComputedStyle(document.querySelector(".main .empty")).display`); got != "none" {
		t.Error("list and chat stand side by side on a phone")
	}
	first.click("a[data-peer=carol]")
	first.say("I am, and it is fine")
	first.marked("I am, and it is fine", "sent")
	fits("the chat")
	first.shot("chat dark")
	first.looks(390, 780, "light")
	first.click(`button[aria-label="Emoji"]`)
	first.shot("chat light")
	fits("the emoji picker")
	first.click(`button[aria-label="Emoji"]`)
	if got := first.eval(`getComputedStyle(document.querySelector(".side")).display`); got != "none" {
		t.Error("the list stays beside the chat on a phone")
	}
	first.click(".back")
	first.waitFor("the list again", `document.querySelector(".app[data-view=list]") && document.querySelector("a[data-peer=carol]").offsetWidth > 0`)
}

func TestTheChatWithoutAMouse(t *testing.T) {
	n := newNode(t).start()
	carol := n.device("carol").connect()
	carol.send("alice", "one")
	bob := n.device("bob").connect()
	bob.send("alice", "two")
	alice := newBrowser(t).tab("alice", n.site())
	alice.looks(1000, 700, "light")

	alice.waitFor("the demo users", `document.querySelectorAll(".person").length === 3`)
	alice.press(kb.Tab)
	alice.waitFor("the focus on the first one", `document.activeElement?.dataset.account === "alice"`)
	alice.press(kb.Enter)
	alice.online()
	alice.unread("carol", "1")
	alice.unread("bob", "1")
	focused := func(what, expression string) {
		t.Helper()
		alice.waitFor("the focus on "+what, "document.activeElement?.matches("+expression+")")
	}
	alice.press(kb.Tab)
	focused("the button for a new chat", `"[aria-label='New chat or room']"`)
	alice.press(kb.Tab)
	focused("the newest chat", `"a[data-peer=bob]"`)
	alice.press(kb.ArrowDown)
	focused("the next chat", `"a[data-peer=carol]"`)
	alice.press(kb.Enter)
	alice.sees("one")
	focused("the composer", `".composer-input"`)
	alice.typeText("answer")
	alice.press(kb.Enter)
	alice.marked("answer", "sent")

	// Up from the composer: the messages, and the buttons of one.
	for _, before := range []string{"[aria-label='Send an image or file']", "[aria-label=Emoji]", ".log-scroll"} {
		alice.press(kb.Tab, kb.ModifierShift)
		focused(before, strconv.Quote(before))
	}
	alice.press(kb.ArrowUp)
	focused("the last message", `".line.own"`)
	for _, action := range []string{"react", "reply", "recall"} {
		alice.press(kb.Tab)
		focused("its button", strconv.Quote("[data-action="+action+"]"))
	}
	alice.press(kb.Enter)
	alice.notes("You recalled a message")
	alice.press(kb.Escape)
	alice.waitFor("the chat closed", `document.querySelector(".app[data-view=list]")`)

	// What comes is said to those who do not see it.
	bob.send("alice", "three")
	alice.waitFor("the announcement", `document.querySelector("#live[aria-live]").textContent === "New message from Bob: three"`)
}

func TestTheChatSignsIn(t *testing.T) {
	n := newNode(t).start()
	b := newBrowser(t)
	tb := b.tab("alice", n.site())
	tb.looks(900, 700, "light")
	fill := func(appKey, account, token string) {
		t.Helper()
		for name, value := range map[string]string{"appkey": appKey, "account": account, "token": token} {
			tb.click("input[name=" + name + "]")
			tb.typeText(value)
		}
		tb.press(kb.Enter)
	}
	d := n.demo()
	tb.click("summary")
	fill(d.AppKey, "alice", "a wrong token")
	tb.waitFor("the refusal", `document.querySelector(".signin-problem")?.textContent.includes("wrong token")`)
	tb.shot("refused")
	fill(d.AppKey, "Alice", d.Tokens["alice"])
	tb.online()

	// The same account in another tab: one of them gives way, and says so.
	second := b.signIn(n, "alice")
	tb.waitFor("the notice", `document.querySelector("dialog[open]")?.textContent.includes("Signed in elsewhere")`)
	tb.front().shot("elsewhere")
	tb.click("dialog .primary")
	tb.online()
	second.waitFor("the notice", `document.querySelector("dialog[open]")?.textContent.includes("Signed in elsewhere")`)

	tb.click(`[aria-label="Sign out"]`)
	tb.waitFor("the first page", `document.querySelector(".signin")`)
	if got := tb.eval(`sessionStorage.length`); got != "0" {
		t.Errorf("after signing out the tab still keeps %s items", got)
	}
	log := n.log()
	for _, token := range d.Tokens {
		if strings.Contains(log, token) {
			t.Error("the log holds a token")
		}
	}
}

func TestTheChatTellsWhatFails(t *testing.T) {
	n := newNode(t).start()
	alice := newBrowser(t).signIn(n, "alice")
	alice.looks(900, 700, "dark")

	// The dialog knows before the message is written,
	alice.click(`[aria-label="New chat or room"]`)
	alice.click(".dialog input[name=account]")
	alice.typeText("nobody")
	alice.press(kb.Enter)
	alice.waitFor("the complaint", `document.querySelector("#account-problem").textContent.includes("no account “nobody”")`)
	alice.click(".dialog input[name=room]")
	alice.typeText("two words")
	alice.press(kb.Enter)
	alice.waitFor("the complaint", `document.querySelector("#room-problem").textContent.includes("no spaces")`)
	alice.press(kb.Escape)
	alice.waitFor("the dialog closed", `!document.querySelector("dialog")`)

	// and who gets there another way finds out afterwards.
	alice.open("chat", "nobody")
	alice.say("is anybody there?")
	alice.marked("is anybody there?", "failed")
	alice.waitFor("the reason", `document.querySelector(".line .problem").textContent.includes("no account “nobody”")`)
	alice.shot("failed")
	alice.click(".line [data-action=retry]")
	alice.marked("is anybody there?", "failed")
	alice.click(".line [data-action=discard]")
	alice.waitFor("it gone", `document.querySelectorAll(".line").length === 0`)

	// An address that nobody can have leads home.
	alice.eval(`location.hash = "#/chat/" + "x".repeat(99)`)
	alice.waitFor("home", `location.hash === "#/" && document.querySelector(".toast")`)
}
