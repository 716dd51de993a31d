// Shows the description and sends requests. What comes from the description or from an answer is only ever set as text.
'use strict';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
let described;

/** An element with these attributes and children. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** What `value` stands for, if it only says where that is. */
function resolved(value) {
  if (!value || !value.$ref) return value;
  const path = value.$ref.slice(2).split('/');
  return path.reduce((at, part) => at && at[part.replaceAll('~1', '/').replaceAll('~0', '~')], described);
}

/** A schema in a few words. */
function words(schema) {
  if (schema === true) return 'anything';
  const named = schema.$ref ? schema.$ref.split('.').pop() : null;
  schema = resolved(schema);
  const forms = schema.anyOf || schema.oneOf;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  if (forms) return forms.map(words).join(' | ');
  if (schema.type === 'array') return `list of ${schema.items ? words(schema.items) : 'anything'}`;
  return named || [schema.type || 'anything'].flat().join(' | ');
}

/** The members of a schema, and theirs once they are looked at. */
function members(schema) {
  schema = resolved(schema);
  const forms = schema.anyOf || schema.oneOf || schema.allOf;
  if (forms) return element('div', {}, ...forms.map(members));
  if (schema.type === 'array' && schema.items) return members(schema.items);
  const list = element('ul');
  for (const [name, member] of Object.entries(schema.properties || {})) {
    const needed = (schema.required || []).includes(name) ? '' : ' (may be left out)';
    const what = resolved(member).description || member.description;
    const line = element('code', {}, `${name}: ${words(member)}${needed}`);
    list.append(element('li', {}, inner(member, line), what ? element('div', {}, what) : null));
  }
  return list;
}

/** `line`, with the members of `schema` below it if it has any. */
function inner(schema, line) {
  const below = JSON.stringify(resolved(schema));
  if (!below.includes('"$ref"') && !below.includes('"properties"')) return line;
  const details = element('details', {}, element('summary', {}, line));
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(members(schema));
  });
  return details;
}

/** What an operation takes, gives and refuses. */
function reading(operation) {
  const parts = [];
  if (operation.description) parts.push(element('p', {}, operation.description));
  const content = Object.entries((operation.requestBody || {}).content || {});
  for (const [kind, { schema }] of content) parts.push(element('h3', {}, `Takes ${kind}`), members(schema));
  parts.push(element('h3', {}, 'Answers'));
  for (const [status, response] of Object.entries(operation.responses)) {
    const line = element('span', {}, element('code', {}, status), ` ${response.description}`);
    const schemas = Object.entries(response.content || {});
    const shown = schemas.map(([kind, { schema }]) => inner(schema, element('code', {}, `${kind}: ${words(schema)}`)));
    parts.push(element('div', {}, line, element('ul', {}, ...shown.map((one) => element('li', {}, one)))));
  }
  return parts;
}

/** A form that sends a request. */
function trying(path, method, operation) {
  const fields = (operation.parameters || []).map((parameter) => {
    const given = parameter.example ?? (parameter.in === 'path' ? '' : undefined);
    const input = element('input', { value: given ?? '', 'aria-label': parameter.name });
    return { parameter, input };
  });
  const rows = fields.map(({ parameter, input }) => element('tr', {},
    element('td', {}, element('code', {}, parameter.name)), element('td', {}, input),
    element('td', {}, parameter.description || '')));
  const [kind, content] = Object.entries((operation.requestBody || {}).content || {})[0] || [];
  const example = content && content.example;
  const text = typeof example === 'string' ? example : JSON.stringify(example, null, 2);
  const body = kind ? element('textarea', { 'aria-label': 'body', spellcheck: 'false' }) : null;
  if (body) body.value = text || '';
  const button = element('button', { type: 'button' }, 'Send');
  const answer = element('pre', { hidden: '' });
  button.addEventListener('click', async () => {
    answer.hidden = false;
    answer.textContent = '…';
    answer.textContent = await sent(request(path, method, fields, kind && { kind, text: body.value })).catch(String);
  });
  return [element('h3', {}, 'Try it'), element('table', {}, ...rows), body, button, answer];
}

/** The request that a form describes. */
function request(path, method, fields, body) {
  const headers = {};
  const query = new URLSearchParams();
  const key = document.getElementById('key').value;
  if (key) headers.authorization = `Bearer ${key}`;
  for (const { parameter, input } of fields) {
    const { name } = parameter;
    if (parameter.in === 'path') path = path.replace(`{${name}}`, encodeURIComponent(input.value));
    if (parameter.in === 'query' && input.value !== '') query.set(name, input.value);
    if (parameter.in === 'header' && input.value !== '') headers[name] = input.value;
  }
  if (body) {
    // The end of a line is one character here, and two in what HTTP calls a message.
    const boundary = /^--(\S+)/.exec(body.text);
    const parts = body.kind.startsWith('multipart/') && boundary;
    headers['content-type'] = parts ? `${body.kind}; boundary=${boundary[1]}` : body.kind;
  }
  const target = path.slice(1) + (query.size ? `?${query}` : '');
  return [target, { method: method.toUpperCase(), headers, body: body ? body.text : undefined }];
}

/** What is answered, in words. */
async function sent([target, options]) {
  const response = await fetch(target, options);
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
  let text = await response.text();
  try {
    text = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // It is no JSON, and shown as it is.
  }
  return `${response.status} ${response.statusText}\n${headers}\n\n${text}`;
}

/** An operation, whose inside is made once it is looked at. */
function shown(path, method, operation) {
  const title = element('summary', {}, element('span', { class: 'method' }, method.toUpperCase()), `${path} `,
    element('span', {}, operation.summary));
  const details = element('details', { id: operation.operationId }, title);
  details.dataset.words = `${method} ${path} ${operation.summary}`.toLowerCase();
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) {
      details.append(...[...reading(operation), ...trying(path, method, operation)].filter((part) => part));
    }
  });
  return details;
}

/** Hides what does not hold the words that are sought. */
function sift(event) {
  const sought = event.target.value.toLowerCase();
  for (const one of document.querySelectorAll('main > section > details')) {
    one.hidden = !one.dataset.words.includes(sought);
  }
}

async function start() {
  described = await (await fetch('openapi.json')).json();
  document.getElementById('about').textContent = `${described.info.version}. ${described.info.description}`;
  const sections = described.tags.map(({ name, description }) => {
    const section = element('section', {}, element('h2', {}, name), element('p', {}, description));
    for (const [path, item] of Object.entries(described.paths)) {
      for (const method of METHODS.filter((method) => item[method] && item[method].tags.includes(name))) {
        section.append(shown(path, method, item[method]));
      }
    }
    return section;
  });
  document.getElementById('operations').replaceChildren(...sections);
  document.getElementById('filter').addEventListener('input', sift);
}

start();
