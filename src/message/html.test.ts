import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeEntities } from './entities.ts'
import { textOfHtml } from './html.ts'

test('blocks are lines, paragraphs stand apart, inline elements do not break words', () => {
  assert.equal(textOfHtml('<div>a<b>b</b>c</div><div>d<br>e<br><br>f</div><p>g</p>\n<p>h'), 'abc\nd\ne\n\nf\n\ng\n\nh')
  assert.equal(textOfHtml('<tr><td>1</td><td>2</td></tr>\n<tr><td>3</td></tr>'), '1 2\n3')
})

test('scripts, styles, titles and comments are not text', () => {
  assert.equal(
    textOfHtml('a<script>if (1<2) "</p>"</SCRIPT >b<style>p{}</style>c<title>t</title>d<!-- <p>e -->f'),
    'abc\ndf',
  )
  assert.equal(textOfHtml('a<script>never closed'), 'a')
  assert.equal(textOfHtml('a<!-- never closed'), 'a')
})

test('what is no tag is text, and a tag ends where it ends', () => {
  assert.equal(textOfHtml('1 < 2, 2<3 and <'), '1 < 2, 2<3 and <')
  assert.equal(textOfHtml('<a title="x > y" href=\'>\'>link</a>'), 'link')
  assert.equal(textOfHtml("<p don't>it's here</p>"), "it's here")
  assert.equal(textOfHtml('<a href="never>closed<b>seen'), 'closedseen')
})

test('character references', () => {
  assert.equal(decodeEntities('&lt;&eacute;&Eacute;&euro;&#8364;&#x20ac;&#150;&amp;lt;'), '<éÉ€€€–&lt;')
  assert.equal(decodeEntities('&nosuch; &; AT&T &#0; &#xD800; &#99999999;'), '&nosuch; &; AT&T \ufffd \ufffd \ufffd')
})
