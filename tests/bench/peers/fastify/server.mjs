// Node's fastify with better-sqlite3: statements prepared once, answers serialised by their schema.
import Database from 'better-sqlite3'
import { createVerifier } from 'fast-jwt'
import Fastify from 'fastify'

const db = new Database(process.env.EVENTORG_DATABASE, { timeout: 5000 })
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.pragma('foreign_keys = ON')

const verify = createVerifier({
  key: process.env.EVENTORG_SECRET,
  algorithms: ['HS256'],
  allowedIss: 'eventorg',
  allowedAud: 'eventorg',
  requiredClaims: ['exp', 'iat', 'sub', 'iss', 'aud', 'jti'],
  cache: 10_000
})

const getTokenVersion = db.prepare('SELECT token_version FROM users WHERE id = ?').pluck()
const columns = `id, code, title, description, start_time, end_time, location, organizer_id, created_at, updated_at,
  timezone, capacity, waitlist, status, visibility, registered_count, waitlisted_count, version`
const getEvent = db.prepare(`SELECT ${columns} FROM events WHERE id = ?`)
const listEvents = db.prepare(`
  SELECT ${columns} FROM events
  WHERE visibility = 'public' AND status = 'published' AND start_time >= ? ORDER BY start_time, id LIMIT ?`)
const findEvent = db.prepare('SELECT status, end_time, waitlist FROM events WHERE id = ?')
const listParticipants = db.prepare(`
  SELECT event_id, user_id, status, registration_date,
    CASE status WHEN 'waitlisted' THEN row_number() OVER (PARTITION BY status ORDER BY seq) END AS waitlist_position
  FROM registrations WHERE event_id = ? AND status <> 'cancelled' ORDER BY seq`)
const getLastChange = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").pluck()
const getRegistration = db.prepare(`
  SELECT event_id, user_id, status, registration_date, NULL AS waitlist_position
  FROM registrations WHERE event_id = ? AND user_id = ?`)
const takeSeat = db.prepare(`
  UPDATE events SET registered_count = registered_count + 1
  WHERE id = ? AND (capacity IS NULL OR registered_count < capacity)`)
const joinLine = db
  .prepare('UPDATE events SET waitlisted_count = waitlisted_count + 1 WHERE id = ? RETURNING waitlisted_count')
  .pluck()
const createRegistration = db.prepare(
  'INSERT INTO registrations (event_id, user_id, status, registration_date) VALUES (?, ?, ?, ?)')

const getAnswer = db.prepare('SELECT answer, answered_at FROM rsvps WHERE event_id = ? AND user_id = ?')
const storeAnswer = db.prepare(`
  INSERT INTO rsvps (event_id, user_id, answer, answered_at) VALUES (?, ?, ?, ?)
  ON CONFLICT (event_id, user_id) DO UPDATE SET answer = excluded.answer, answered_at = excluded.answered_at`)
const deleteAnswer = db.prepare('DELETE FROM rsvps WHERE event_id = ? AND user_id = ?')
const countAnswers = db.prepare(
  'UPDATE events SET maybe_count = maybe_count + ?, declined_count = declined_count + ? WHERE id = ?')
const getCounts = db.prepare(`
  SELECT registered_count AS registered, waitlisted_count AS waitlisted, maybe_count AS maybe,
    declined_count AS declined, capacity
  FROM events WHERE id = ?`)

const text = { type: 'string' }
const optional = { type: 'string', nullable: true }
const number = { type: 'integer' }
const optionalNumber = { type: 'integer', nullable: true }
const event = {
  type: 'object',
  properties: {
    id: text, code: text, title: text, description: optional, start_time: text, end_time: text, location: optional,
    organizer_id: text, created_at: text, updated_at: text, timezone: text, capacity: optionalNumber,
    waitlist: { type: 'boolean' }, status: text, visibility: text, registered_count: number,
    waitlisted_count: number, version: number
  }
}
const registration = {
  type: 'object',
  properties: {
    event_id: text, user_id: text, status: text, registration_date: text, waitlist_position: optionalNumber
  }
}
const participants = {
  type: 'object',
  properties: {
    event_id: text, participants: { type: 'array', items: registration }, next: optional, as_of: number
  }
}

const page = {
  type: 'object',
  properties: { events: { type: 'array', items: event }, next: optional, as_of: number }
}
const rsvp = {
  type: 'object',
  properties: {
    event_id: text, user_id: text, answer: text, answered_at: text,
    registration: { ...registration, nullable: true },
    counts: {
      type: 'object',
      properties: {
        registered: number, waitlisted: number, maybe: number, declined: number, capacity: optionalNumber
      }
    }
  }
}
const newRsvp = {
  type: 'object', required: ['answer'], properties: { answer: { enum: ['going', 'maybe', 'declined'] } }
}
const listQuery = {
  type: 'object',
  properties: { from: { type: 'string', default: '' }, limit: { type: 'integer', minimum: 1, default: 100 } }
}

class Refusal extends Error {
  constructor (statusCode, message) {
    super(message)
    this.statusCode = statusCode
  }
}

function now () {
  return new Date().toISOString().slice(0, 19) + 'Z'
}

function enter (eventId, userId) {
  const before = getRegistration.get(eventId, userId)
  if (before) return [before, 200]
  const found = findEvent.get(eventId)
  if (!found) throw new Refusal(404, 'event_not_found')
  const at = now()
  if (found.status !== 'published' || found.end_time <= at) throw new Refusal(409, 'event_not_open')
  let status = 'registered'
  let position = null
  if (!takeSeat.run(eventId).changes) {
    if (!found.waitlist) throw new Refusal(409, 'event_full')
    status = 'waitlisted'
    position = joinLine.get(eventId)
  }
  createRegistration.run(eventId, userId, status, at)
  return [{ event_id: eventId, user_id: userId, status, registration_date: at, waitlist_position: position }, 201]
}

const register = db.transaction(enter)

const step = (answer, stored, name) => (answer === name ? 1 : 0) - (stored?.answer === name ? 1 : 0)

const giveAnswer = db.transaction((eventId, userId, answer) => {
  const stored = getAnswer.get(eventId, userId)
  let registration = null
  let answeredAt = stored?.answered_at
  if (answer === 'going') {
    registration = enter(eventId, userId)[0]
    answeredAt = registration.registration_date
    if (stored) deleteAnswer.run(eventId, userId)
  } else if (stored?.answer !== answer) {
    if (getRegistration.get(eventId, userId)) throw new Refusal(409, 'registered')
    if (!findEvent.get(eventId)) throw new Refusal(404, 'event_not_found')
    answeredAt = now()
    storeAnswer.run(eventId, userId, answer, answeredAt)
  }
  if (stored?.answer !== answer && (stored || answer !== 'going')) {
    countAnswers.run(step(answer, stored, 'maybe'), step(answer, stored, 'declined'), eventId)
  }
  const counts = getCounts.get(eventId)
  return { event_id: eventId, user_id: userId, answer, answered_at: answeredAt, registration, counts }
})

const app = Fastify({ logger: false, keepAliveTimeout: 30_000 })

app.decorateRequest('userId', null)

async function authenticate (request) {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ')
  if (scheme !== 'Bearer') throw new Refusal(401, 'unauthenticated')
  let claims
  try {
    claims = verify(token)
  } catch {
    throw new Refusal(401, 'token_invalid')
  }
  if (getTokenVersion.get(claims.sub) !== claims.ver) throw new Refusal(401, 'token_revoked')
  request.userId = claims.sub
}

app.get('/health', () => ({ status: 'ok' }))

app.get(
  '/events',
  { onRequest: authenticate, schema: { querystring: listQuery, response: { 200: page } } },
  (request, reply) => {
    const { from, limit } = request.query
    const events = listEvents.all(from, limit + 1)
    const last = events.length > limit ? events[limit - 1] : null
    const next = last && `${last.start_time},${last.id}`
    reply.send({ events: events.slice(0, limit), next, as_of: getLastChange.get() })
  })

app.get('/events/:id', { onRequest: authenticate, schema: { response: { 200: event } } }, (request, reply) => {
  const found = getEvent.get(request.params.id)
  if (!found) throw new Refusal(404, 'event_not_found')
  reply.send(found)
})

app.get(
  '/events/:id/participants',
  { onRequest: authenticate, schema: { response: { 200: participants } } },
  (request, reply) => {
    const id = request.params.id
    if (!findEvent.get(id)) throw new Refusal(404, 'event_not_found')
    reply.send({ event_id: id, participants: listParticipants.all(id), next: null, as_of: getLastChange.get() })
  })

app.post(
  '/events/:id/register',
  { onRequest: authenticate, schema: { response: { '2xx': registration } } },
  (request, reply) => {
    const [made, status] = register.immediate(request.params.id, request.userId)
    reply.code(status).send(made)
  })

app.put(
  '/events/:id/rsvp',
  { onRequest: authenticate, schema: { body: newRsvp, response: { 200: rsvp } } },
  (request, reply) => {
    reply.send(giveAnswer.immediate(request.params.id, request.userId, request.body.answer))
  })

await app.listen({ host: '127.0.0.1', port: Number(process.env.EVENTORG_PORT) })

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    await app.close()
    db.close()
    process.exit(0)
  })
}
