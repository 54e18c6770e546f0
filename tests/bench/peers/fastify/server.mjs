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
const getEvent = db.prepare(`
  SELECT id, code, title, description, start_time, end_time, location, organizer_id, created_at, updated_at, timezone,
    capacity, waitlist, status, visibility, registered_count, waitlisted_count, version
  FROM events WHERE id = ?`)
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

class Refusal extends Error {
  constructor (statusCode, message) {
    super(message)
    this.statusCode = statusCode
  }
}

const register = db.transaction((eventId, userId) => {
  const before = getRegistration.get(eventId, userId)
  if (before) return [before, 200]
  const found = findEvent.get(eventId)
  if (!found) throw new Refusal(404, 'event_not_found')
  const now = new Date().toISOString().slice(0, 19) + 'Z'
  if (found.status !== 'published' || found.end_time <= now) throw new Refusal(409, 'event_not_open')
  let status = 'registered'
  let position = null
  if (!takeSeat.run(eventId).changes) {
    if (!found.waitlist) throw new Refusal(409, 'event_full')
    status = 'waitlisted'
    position = joinLine.get(eventId)
  }
  createRegistration.run(eventId, userId, status, now)
  return [{ event_id: eventId, user_id: userId, status, registration_date: now, waitlist_position: position }, 201]
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

await app.listen({ host: '127.0.0.1', port: Number(process.env.EVENTORG_PORT) })

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    await app.close()
    db.close()
    process.exit(0)
  })
}
