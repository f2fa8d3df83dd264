// Reports the state of one opencode to the command below: one small JSON event on its input each time.
// Nothing that a person or a model wrote is in it but the line of an error. Whatever fails is let pass.
import { spawn } from "node:child_process"

const COMMAND = "ao hook opencode"
const CONFIG = "OPENCODE_CONFIG_CONTENT"
const PATIENCE = 10_000 // milliseconds for one report
const WAITING = 50 // reports at the most that wait for their turn
const LONGEST_LINE = 300

const eventText = (name, fields) => JSON.stringify({ hook_event_name: name, ...fields })
const BUSY = eventText("session.status", { status: "busy" })

function run(text, done) {
  const timer = setTimeout(done, PATIENCE)
  const end = () => {
    clearTimeout(timer)
    done()
  }
  try {
    const child = spawn("/bin/sh", ["-c", COMMAND], { stdio: ["pipe", "ignore", "ignore"], detached: true })
    child.once("close", end).on("error", end)
    child.stdin.on("error", () => {})
    child.stdin.end(text)
    child.unref()
    timer.unref()
  } catch {
    end()
  }
}

// One at a time, so that they arrive in their order; the oldest is given up when too many wait.
function inTurn() {
  const queue = []
  let current = null
  const next = () => {
    const text = queue.shift()
    const turn = (current = text === undefined ? null : {})
    if (turn) run(text, () => current === turn && next())
  }
  return (text) => {
    queue.push(text)
    if (queue.length > WAITING) queue.shift()
    if (!current) next()
  }
}

export const Reporter = async () => {
  const own = process.env[CONFIG]
  delete process.env[CONFIG] // or an opencode that the agent starts would report for this one

  const children = new Set() // sessions of subagents
  const running = new Set() // sessions in a turn
  const refused = new Set() // sessions that try again; until one is answered, its busy is no news
  const asked = new Set() // questions that wait for a person
  const send = inTurn()
  let last = "" // what was reported: opencode says most things several times

  const report = (name, fields) => {
    const text = eventText(name, fields)
    if (text !== last) send(text)
    last = text
  }

  const prompt = (session) => {
    if (children.has(session)) return
    send(eventText("chat.message"))
    last = BUSY
  }

  const status = (session, { type, message }) => {
    if (type === "busy" && refused.has(session)) return
    refused[type === "retry" ? "add" : "delete"](session)
    running[type === "idle" ? "delete" : "add"](session)
    if (type === "idle") {
      if (running.size) return
      asked.clear()
    }
    const line = String(message ?? "").trim().split("\n", 1)[0].slice(0, LONGEST_LINE)
    report("session.status", line ? { status: type, message: line } : { status: type })
  }

  const answered = (session) => {
    if (refused.delete(session)) status(session, { type: "busy" })
  }

  const heed = ({ type, properties }) => {
    const { id, info, requestID, sessionID } = properties
    if (type.startsWith("session.") && info?.parentID) children.add(info.id)
    if (children.has(sessionID)) return
    switch (type) {
      case "session.status":
        return status(sessionID, properties.status)
      case "session.idle":
        return status(sessionID, { type: "idle" })
      case "message.part.updated":
        return properties.part.type === "step-start" && answered(properties.part.sessionID)
      case "permission.asked":
      case "question.asked":
        asked.add(id)
        return report(type)
      case "permission.replied":
      case "question.replied":
      case "question.rejected":
        asked.delete(requestID)
        if (asked.size) return
        report(type)
        last = BUSY
    }
  }

  const safely = (work) => async (input) => {
    try {
      work(input)
    } catch {}
  }

  return {
    event: safely(({ event }) => heed(event)),
    "chat.message": safely(({ sessionID }) => prompt(sessionID)),
    dispose: safely(() => {
      if (own !== undefined) process.env[CONFIG] = own // opencode reads its settings anew, and goes on
    }),
  }
}
